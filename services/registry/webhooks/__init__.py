"""Webhooks: telling subscribers of changes, signed, in order, at least once."""
