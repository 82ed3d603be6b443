"""Tests of `GET /api/health`."""
