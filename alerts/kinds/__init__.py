"""The kinds of rule: each judges one event and the window that ends with it."""
