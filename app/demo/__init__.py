"""The demo tenants: made once, by the real operations, each at the business time of its day."""
