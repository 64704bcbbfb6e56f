"""Counting sentences with Punkt, and training its parameters."""
