"""The operations of the audit service, one file per noun."""
