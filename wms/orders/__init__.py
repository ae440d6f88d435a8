"""Orders: what customers were promised, and from which site each line comes.

    place      an order is taken; every line is held where it can be, or back-ordered
    source     the held lines of many orders are given to the sites that fulfil them best
    cancel     an order is taken back while its goods still stand where they stood
    close      lines and orders end: each in exactly one final state
    model      the tables

A line ends in exactly one of SHIPPED, BACKORDERED, CANCELLED, RETURNED, SERVICE, and before that
its allocations say how far it is: one row for each hold of the ledger that stands for it.
"""
