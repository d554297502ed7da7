"""What it costs: benchmarks that run side by side with what others would use, as ratios in one run."""
