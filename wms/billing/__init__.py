"""Billing: what owners of goods pay for, derived from the movements."""
