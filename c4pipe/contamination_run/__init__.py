"""Shared by the command and the workers of find_contamination: the evaluation texts, and the paths of work files."""
