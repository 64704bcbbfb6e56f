"""What the command and the workers of drop_near_duplicates share: the plan, and the files of the work folder."""
