"""`make demo`: from documentation to a trained model on a fresh machine."""
