"""People: who works here, with which badge, on which device, and what each may do.

operators   who they are, what they may do
devices     handhelds and screens: named, paired once by a code, revoked
entry       badge and PIN: who is at which device now
known       the same, remembered for some seconds
"""
