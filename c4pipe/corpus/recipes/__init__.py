"""Recipes: files that tell how a corpus is made. `en.toml` and the others here are the variants of C4."""
