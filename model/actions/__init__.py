"""What each command does once its flags are understood; imported by the command when they are."""
