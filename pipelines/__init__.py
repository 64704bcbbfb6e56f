"""Commands that build a Beam graph, run it, and write a folder with a manifest."""
