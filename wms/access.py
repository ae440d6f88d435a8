"""Access: the keys that other systems come with, and what each may do."""
