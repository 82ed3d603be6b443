"""Tests of the local stack: the Functions host, Azurite, and what holds them together."""
