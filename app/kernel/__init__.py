"""What every domain stands on. Imports no domain, and nothing of the web shell."""
