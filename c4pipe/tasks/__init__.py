"""Supervised tasks in text-to-text form: formats, metrics, mixtures."""
