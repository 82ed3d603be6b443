"""Reliability proofs on real parts: faults, kills, queues, upgrades. Each docstring states the promise that is kept."""
