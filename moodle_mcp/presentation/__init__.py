"""Presents answers to agents: the fields that matter, readable, marked as data, in pages."""
