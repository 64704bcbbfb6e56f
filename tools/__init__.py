"""Tools for developers: the demo, the comparison with the reference, and checks on distributed engines."""
