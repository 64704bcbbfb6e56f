"""Greedy and beam decoding with a key/value cache."""
