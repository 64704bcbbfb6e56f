"""Draws the pictures of README and docs from the demo's output: `make pictures`."""
