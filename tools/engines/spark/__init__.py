"""Spark: a standalone cluster with a master and two workers, Beam's job server, a pool of Python workers."""
