"""`make parity`: the reference and this project side by side on the same WET files."""
