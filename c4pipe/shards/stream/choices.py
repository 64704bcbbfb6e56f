"""The options of a stream and their defaults."""

BAD_SHARD_POLICIES = ("fail", "skip")
DEFAULT_CACHE_BYTES = 32 << 30
