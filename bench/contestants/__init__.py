"""What runs in a benchmark, each in a process of its own and, where it is a peer, in its own environment.

A contestant is `python -m bench.contestants.<name>`; `bench.protocol` is how it is spoken to. Ours
import the portal, the others import nothing of it.
"""
