"""Outbound: from an allocation to a parcel in the carrier's hands.

    release    allocations are pinned to places and become work: for people, for robots
    robot      totes are brought to stations and home again
    pick       what was taken, and what was short
    pack       what was picked becomes parcels, with labels and tags
    load       parcels of other sites leave for the hub
    ship       what sorter and gates saw of a parcel, and the carrier
    rules      PURE which lane, which station, what goes into one parcel
    model      the tables

An order's goods at one site are packed when all of them have been picked. Every parcel passes
the hub's sorter and its gate; the gate is what ships it.
"""
