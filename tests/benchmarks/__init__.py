"""The short form of the benchmarks."""
