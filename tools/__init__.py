"""What a developer runs beside the product: the demo, the comparison with the reference, offline checks."""
