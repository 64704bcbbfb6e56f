"""The trainer: architectures, checkpoints, generation, fine-tuning, evaluation and their commands."""
