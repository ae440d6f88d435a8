"""Everything outside our code, played: robots, sorter, PLC, RFID readers, people, carriers, shops.

Each model is a seeded, pure function of messages and time, and is used twice: on virtual time
in tests, and by `soko sim` behind the real protocols (VDA 5050 over MQTT, OPC UA, Modbus TCP,
LLRP, HTTP). The WMS sees no difference between a simulated scan and a real one. Simulators may
be killed: what the world looks like is written down before anyone is told.
"""
