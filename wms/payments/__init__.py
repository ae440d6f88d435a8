"""Payments: what a customer paid with, and what goes back there. We refund; we never charge.

A refund goes to the tenders of its order alone, once, and never adds up to more than was captured
(I12).

    tenders    what an order was paid with, and how much of it has been captured
    refund     money that shall go back, over the tenders of its order, once for its cause
    ask        the provider is asked, with the refund's id, until it answers
    cod        what the carrier collects at the door (代引)
    jobs       what the worker does of it
    laws       I12, as `soko verify` asks it
    model      the tables
"""
