"""How a model is laid out over the ranks: a copy on each (DDP), or its parameters sharded (FSDP, HSDP)."""
