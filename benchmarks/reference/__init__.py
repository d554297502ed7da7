"""Job R: one small job that every stream processor can do, so that they can be laid side by side."""
