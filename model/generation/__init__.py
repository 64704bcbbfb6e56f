"""Greedy search, beam search and sampling with a key/value cache."""
