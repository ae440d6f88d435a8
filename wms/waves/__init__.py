"""Waves: which orders are released together, when, and how long that will take."""
