"""Reads files that other tools wrote: records of many kinds of files, and the source names that refer to them."""
