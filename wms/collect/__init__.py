"""Collect: what store staff do for orders: prepare, shelve, hand over, send, take back."""
