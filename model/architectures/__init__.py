"""The architectures of the paper, all built from one kind of stack and its masks."""
