"""What each fine-tuning method adds and trains."""
