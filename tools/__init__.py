"""Programs of the workshop: what keeps the repository consistent."""
