"""Several hosts that share one flow: what each says, what they agree on, and what runs on a host."""
