"""Rates: what a parcel costs, how long it is under way, what CO2 it makes."""
