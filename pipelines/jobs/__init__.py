"""The job of each pipeline command: its plan, the files that it writes to its folder, and its messages."""
