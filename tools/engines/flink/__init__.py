"""Flink: a session cluster of one job manager and two task managers, Beam's job server, a pool of Python workers."""
