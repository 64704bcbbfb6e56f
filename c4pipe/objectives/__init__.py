"""Unsupervised objectives: where tokens are corrupted, and how."""
