"""Transfers: goods that go from one site of ours to another, as orders of kind TRANSFER."""
