"""Fine-tuning methods: what each adds to a model, and which parameters train at which step."""
