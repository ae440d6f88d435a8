"""EPCIS 2.0: what happened to goods, as partners tell each other: captured, told and asked for."""
