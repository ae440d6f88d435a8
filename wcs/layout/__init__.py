"""A site's ways as arrays: what can be reached, which way lanes run, what must be claimed.

    roadmap   the graph in numbers: nodes, arcs, headings, costs; `Roadmap.of(plant)`
    rows      costs of all arcs to one goal: the only thing a robot is steered by
    connect   strong components, bridges, dead ends: where a fleet could lock itself up
    lanes     a preferred direction for each two-way street, strong connectivity kept
    zones     dead ends, bridges and lifts that are claimed before they are entered
    clash     which points two robots cannot hold at once, by their envelopes
    check     the faults and doubts of a site, each explained
    draw      the same as a picture

All of it is pure and works on integers; names are for the border only.
"""
