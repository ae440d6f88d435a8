"""Outbound: from an allocation to a parcel in the carrier's hands.

    release    allocations are pinned to places and become work: for people, for robots
    bind       PURE from which place: expiry, full packs, the third of a life
    style      how it is picked: alone, in batches, into totes, zone by zone, for the put wall
    walks      what is picked in one go, and the way round; pick_packet is its packet
    unrelease  what is pinned is only allocated again
    robot      totes are brought to stations and home again
    totes      what goods are picked into; putwall: what was picked for many is sorted
    pick       what was taken, and what was short
    pack       what was picked becomes parcels, with labels and tags
    ways       where a parcel goes: over the hub, with the carrier, to a site of ours
    load       parcels leave for the hub or another site, or are handed to the carrier
    ship       what sorter and gates saw of a parcel, and the carrier
    rules      PURE which lane, which station, what goes into one parcel
    model      the tables

An order's goods at one site are packed when all of them have been picked. Parcels for customers
pass the hub's sorter and its gate, and the gate is what ships them; unless their site hands them
to the carrier itself. Parcels for a site of ours are shipped when they are loaded (wms.transfers).
"""
