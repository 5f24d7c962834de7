"""Tables of items."""
