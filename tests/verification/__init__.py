"""Tests of the checks around writes."""
