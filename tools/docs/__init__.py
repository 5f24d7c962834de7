"""Generates pages of docs/ from the code and the recordings."""
