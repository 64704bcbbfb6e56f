"""Reading WET files: from the bytes of a file to pages, one outcome per record."""
