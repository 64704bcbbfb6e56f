"""Reading what other tools wrote: records of any kind of file, and the sources that name such files."""
