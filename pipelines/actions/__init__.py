"""What each command does after its flags are parsed; only then does a command import its action, and Beam with it."""
