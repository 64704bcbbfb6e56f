"""Counts sentences with Punkt, and trains its parameters."""
