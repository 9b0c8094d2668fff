"""Measurements behind docs/benchmarks.md; each file is run by `python -m benchmarks.NAME`."""
