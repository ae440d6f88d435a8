"""Transfers: goods go from one site of ours to another, and arrive there once.

    place      an order of kind TRANSFER: held, picked and packed as any order
    depart     its parcels leave on a lane between sites; what is to come is announced there
    receive    a parcel is scanned and counted at the other site: what came, was missing, is broken
    onward     goods that a customer collects there go on as an allocation of that site
    lost       a parcel that never came is given up
    read       how a transfer stands, and what is on its way to a site
    rules      PURE how long it takes, and what a count means
    laws       what left is on its way, or has arrived, or is missing
    model      the tables

Parcels of customers that go to a site (collected there) take the same way as those of transfers.
"""
