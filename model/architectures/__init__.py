"""T5 as one stack and its masks, in all the architectures of the paper."""
