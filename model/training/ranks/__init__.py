"""The processes of a run: how they find each other, what they agree on, when they stop."""
