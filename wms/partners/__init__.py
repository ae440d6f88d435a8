"""Partners: the ports of `wms.ports`, carried out over HTTP, mail and files.

http       a carrier's API; subscribers' webhooks
"""
