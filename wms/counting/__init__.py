"""Counting: what lies there, seen by people who do not know what should."""
