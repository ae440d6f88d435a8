"""What runs beside the machines: protocols, drivers, store and forward.

The edge turns the languages of machines (VDA 5050, OPC UA, Modbus, LLRP) into the few messages
of `edge.messages`, and back. It knows no order and no stock. It survives without the network:
what must not be lost waits in a spool on disk until the receiver, not the broker, says it has
it.

What others may import (the rest is private, see the import contracts):

    edge.messages   what devices say and are told
    edge.stream     those messages in order, once, over an unreliable bus
    edge.spool      where a stream's sender keeps them
    edge.mqtt       the bus and every topic name
    edge.clock      the time, real or scaled
    edge.process    child processes that never outlive us; edge.broker, edge.ports beside it
    edge.logs       one way to log
    edge.gs1        GTIN, SSCC, EPC

The edge is never a safety system. Emergency stops, light curtains and the protective fields of
robots are wired to safety controllers; nothing here can release, reset or delay them.
"""
