"""The live path measured from outside: a feeder, a reader of the feed, and a relay that does nothing else."""
