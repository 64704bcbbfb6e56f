"""What the command and the workers of find_contamination share: the evaluation texts, and where work files lie."""
