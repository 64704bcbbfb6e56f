"""The transforms of wet_to_c4. Each file is named after what its transform does."""
