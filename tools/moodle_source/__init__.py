"""Reads Moodle's PHP source without running it: what it declares, and what calls what."""
