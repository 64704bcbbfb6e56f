"""The files in the work folder of wet_to_c4: pages and keys."""
