"""The doctor: looks at everything an installation stands on, changes nothing, and says what is to be done."""
