"""The control room's side of the WMS: alarms as operators need them, and what machines did.

    rules      which alarm explains which others; what a flood is          pure
    alarms     acknowledged, shelved, come back; whose orders they hold up; figures of a shift
    moments    the pictures of a minute as few bytes, and read back         pure
    health     how long each machine was in which state; OEE; where robots wait    pure
    hour       what each kind of work came to in the last hour
    pictures   what has changed between two live pictures      pure
    record     the live pictures of a site, kept for a day
    model      tables

Alarms themselves are exceptions (wms.outbound.attend), told by the site's WCS. Nothing here moves
a machine: for that see wms.outbound.machines.
"""
