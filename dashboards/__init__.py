"""Grafana boards as small functions."""
