"""Planners of movement for many robots, on the arrays of wcs.layout.

    grants    the one that drives the site: exclusive locks, granted as events come, no clock
    claims    zones (dead ends, bridges, lifts) that are claimed before they are entered
    steps     all robots step at once, without turning cost: what grants is measured against
    windows   all robots step at once, turning costs a step: for grids as dense as a cube store

All of it is pure: the same arrays give the same moves, compiled or not.
"""
