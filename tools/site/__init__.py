"""What the site of the documentation needs besides docs/: `make docs`."""
