"""Notices: what customers are told, in their language, once, and not at night."""
