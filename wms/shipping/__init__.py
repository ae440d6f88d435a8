"""Shipping: which service takes a parcel, what it costs, when it arrives, on which days.

Tables that people can read and try: services and their rates, rules that choose among them,
calendars of sites and carriers. Nothing here knows an order.
"""
