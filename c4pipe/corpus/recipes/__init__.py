"""Recipes: what a corpus is made by, as files. `en.toml` and the others here are the variants of C4."""
