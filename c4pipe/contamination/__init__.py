"""Finds evaluation texts in a corpus, by common runs of words."""
