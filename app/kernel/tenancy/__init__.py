"""Tenants: whose data a row is. Row security does the keeping apart; this names the tenants."""
