"""Job R in what others would use, each in its own idiom: a program a file, called with DATA and OUT."""
