"""The desk: what becomes of an alert between what the stream finds and what people do with it."""
