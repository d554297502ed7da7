"""Ways in and ways out: one client library per file."""
