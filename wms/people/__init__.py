"""People: who works here, with which badge, on which device, and what each may do."""
