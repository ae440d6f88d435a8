"""Webhooks: what happened is told to the systems that subscribed, until they have taken it.

deliver    events of the outbox become deliveries; each is sent, and sent again
"""
