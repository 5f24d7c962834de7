"""State that outlives a request, with its owner, lifetime and limits."""
