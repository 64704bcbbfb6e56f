"""The transforms of drop_near_duplicates. Each file is named after what its transform does."""
