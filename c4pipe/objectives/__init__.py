"""Unsupervised objectives: which tokens of a text are corrupted, and how."""
