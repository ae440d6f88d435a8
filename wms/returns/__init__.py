"""Returns: goods that come back from customers.

    accept     a return is announced, received at the hub's bench, graded, and put away
    model      the tables

A return may name no order: an anonymous customer brings back what was bought long ago. Its lines
are lines like an order's, and end RETURNED.
"""
