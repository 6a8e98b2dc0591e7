"""The store: the only SQL of the registry. Facts go in and come out; what a caller may do is decided above it."""
