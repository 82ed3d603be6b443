"""Tests of what happens to one photo."""
