"""The registry, filled with a nation of apps: how fast it takes them in, and how fast it answers then."""
