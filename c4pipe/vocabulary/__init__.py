"""The SentencePiece vocabulary: its special ids, its files, and its training."""
