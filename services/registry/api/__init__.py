"""The operations of the registry, one file per noun."""
