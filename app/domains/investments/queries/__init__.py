"""Reads, returning structs, each within what the viewer may see (`scope`)."""
