"""Examples in the order of training, from local folders or any URL."""
