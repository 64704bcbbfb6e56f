"""Run folders, checkpoints, and Hugging Face folders, in and out."""
