"""The only SQL of the audit."""
