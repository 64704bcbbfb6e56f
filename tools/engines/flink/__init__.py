"""Flink: a session cluster with a job manager and two task managers, Beam's job server, a pool of Python workers."""
