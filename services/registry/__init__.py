"""The registry: what is declared, granted and withdrawn, and when it was recorded. It states facts, judges nothing."""
