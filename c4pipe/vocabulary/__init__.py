"""The SentencePiece vocabulary, its special ids, and training it."""
