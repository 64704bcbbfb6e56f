"""Tensors from the example stream."""
