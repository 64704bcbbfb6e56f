"""The rules of the C4 corpus as pure functions: a page goes in, a page or a reason comes out. No Beam here."""
