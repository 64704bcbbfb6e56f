"""`make demo`: from documentation to a training model on a fresh machine."""
