"""Checks around writes that Moodle answers with success whatever happened."""
