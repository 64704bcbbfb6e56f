"""Shared by the command and the workers of drop_near_duplicates: the plan, and the files of the work folder."""
