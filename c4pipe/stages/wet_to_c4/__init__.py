"""The transforms of wet_to_c4, one verb per file."""
