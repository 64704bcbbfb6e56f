"""Identifies the language of pages: one small interface, and one file per identifier."""
