"""The flows that join `alerts` and `connectors`, and the command line that runs them."""
