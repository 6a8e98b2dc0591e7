"""The audit: judges the facts of the registry against the law. It owns no facts."""
