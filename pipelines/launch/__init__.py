"""Helpers that the pipeline commands share: flags, running a graph, progress, estimates."""
