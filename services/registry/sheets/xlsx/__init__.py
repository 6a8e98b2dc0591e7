"""Workbooks (XLSX), read and written as streams."""
