"""Reports as others read them: one file per format."""
