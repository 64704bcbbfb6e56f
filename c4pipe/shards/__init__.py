"""Files on disk: names, schemas, atomic writes, manifests, and the order in which examples stream."""
