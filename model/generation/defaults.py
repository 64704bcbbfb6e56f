"""Default settings of generation."""

DEFAULT_BATCH_SIZE = 32  # texts at a time
DEFAULT_MAX_LENGTH = 128  # tokens
