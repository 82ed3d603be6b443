"""Measurements of the product on this machine; `make bench` runs them and writes docs/benchmarks.md.

Each module that measures has `measure(...)`, which gives a result as a dataclass, and `tell(result)`, which makes
words, claims and plots of it. Results are kept in docs/benchmarks.json, so that one can be measured anew while the page
keeps the others. Claims are counts and ratios within one run; seconds only inform.
"""
