"""Pure rules of the C4 corpus: a page in, a page or a reason out. No Beam here."""
