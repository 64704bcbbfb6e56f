"""Files in the work folder of wet_to_c4: cleaned pages, and keys."""
