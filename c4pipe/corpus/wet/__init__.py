"""Reads WET files: from the bytes of a file to pages, with one outcome per record."""
