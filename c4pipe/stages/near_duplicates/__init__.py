"""The transforms of drop_near_duplicates, one verb per file."""
