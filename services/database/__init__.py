"""What both services do alike with their databases, SQLite and PostgreSQL. Knows no domain."""
