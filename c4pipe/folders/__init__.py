"""Folders that commands write: who may write, what is finished, what may be replaced, and where work lies meanwhile."""
