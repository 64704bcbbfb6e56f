"""Beam PTransforms, one verb a file."""
