"""One module per server of the stack: its ports, its settings and its `Program`."""
