"""The manifest: what a government app declares about itself, shared by the registry and the audit."""
