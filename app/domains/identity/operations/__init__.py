"""Writes of identity, one verb a file. Sign-in runs before a tenant is known: those operations open
their own units of work and say so.
"""
