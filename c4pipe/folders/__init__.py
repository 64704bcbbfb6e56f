"""Output folders of commands: who may write to them, whether they are finished, and what may be replaced."""
