"""The update rules, by name."""
