"""What an alert is, the rules, and when they speak: plain Python, no engine, no clients, no clock."""
