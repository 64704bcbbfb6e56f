"""Fine-tuning: what each method adds to a model, and what trains at which step."""
