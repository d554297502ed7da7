"""What it costs to keep the state: a replay with and without snapshots, and coming back."""
