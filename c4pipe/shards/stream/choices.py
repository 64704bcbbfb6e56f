"""What a reader of a stream may choose, and what it takes by default."""

BAD_SHARD_POLICIES = ("fail", "skip")
DEFAULT_CACHE_BYTES = 32 << 30
