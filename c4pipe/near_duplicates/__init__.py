"""Finds near-duplicates: shingles, MinHash signatures, and the clusters of matching pages. Pure numpy, no files."""
