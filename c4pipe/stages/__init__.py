"""The Beam PTransforms. Each file is named after what its transform does."""
