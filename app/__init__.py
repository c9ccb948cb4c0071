"""Stakehold: one portal for everybody who holds a stake, and for everybody who serves them."""
