"""Finds what Moodle's web-service functions leave behind or ask of other addresses."""
