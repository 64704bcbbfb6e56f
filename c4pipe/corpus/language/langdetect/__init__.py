"""langdetect 1.0.9 with seed 0, in numpy: the same probabilities to the last bit."""
