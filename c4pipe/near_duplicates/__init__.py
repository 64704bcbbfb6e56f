"""Near-equal pages: shingles, MinHash signatures, and the clusters that their matches form. Pure numpy, no files."""
