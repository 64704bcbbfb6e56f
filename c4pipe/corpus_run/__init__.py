"""Shared by the command and the workers of wet_to_c4: the plan, its inputs, its work folder, its results."""
