"""Twelve everyday jobs, done by a scripted agent and checked by a second read."""
