"""How much the sinks of the flow take, each against its real server."""
