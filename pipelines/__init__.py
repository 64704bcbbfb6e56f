"""Commands that build a Beam graph, run it, and leave a folder with a manifest."""
