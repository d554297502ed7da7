"""The service for people and systems: alerts, feeds and actions over HTTP."""
