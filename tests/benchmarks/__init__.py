"""The quick version of the benchmarks: counts and ratios, never seconds."""
