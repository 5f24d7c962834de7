"""Tells which wrong or needless writes a real Moodle answers with success."""
