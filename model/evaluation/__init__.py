"""Decoding a split and scoring it."""
