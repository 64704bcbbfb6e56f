"""`make parity`: comparison of the reference and this project on the same WET files."""
