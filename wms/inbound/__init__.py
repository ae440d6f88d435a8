"""Inbound: what is announced, what comes, where it is put."""
