"""State that outlives a request: whose it is, for how long it is kept, and how much of it."""
