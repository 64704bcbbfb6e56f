"""Distributed engines on this machine: fetched, brought up on loopback, given every pipeline, taken down again."""
