"""Supervised tasks as text to text: formats, metrics, mixtures."""
