"""The contracts that ship with Anlan: what its records and feeds look like outside, and what may change of it."""
