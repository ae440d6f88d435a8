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
    edge.identity   who a machine is: where its certificate and key lie
    edge.gs1        GTIN, SSCC, EPC

How the process is put together: edge.run starts edge.agent, which has each device looked after by
edge.upkeep and speaks through edge.uplink. edge.reload exchanges devices, edge.control answers
people on this machine, edge.metrics measures. edge.check, edge.probe and edge.ca are commands;
edge.authority and edge.rights make certificates and brokers' settings.

The edge is never a safety system. Emergency stops, light curtains and the protective fields of
robots are wired to safety controllers; nothing here can release, reset or delay them.
"""
