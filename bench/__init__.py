"""Benchmarks: how fast something is, always beside its peer or limit in the same run."""
