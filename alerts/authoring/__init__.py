"""For rule authors: the lint, the tests of a rule and their mutants, and questions about what a rule said and why."""
