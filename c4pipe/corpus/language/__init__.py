"""Which language a page is in: one small interface, one file an identifier."""
