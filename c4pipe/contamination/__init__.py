"""Which evaluation texts stand in a corpus, by runs of words that both have."""
