"""Payments: what a customer paid with, and what goes back there. We refund; we never charge.

A refund goes to the tenders of its order alone, once, and never adds up to more than was captured
(I12).
"""
