"""Whether everything between here and a first call is right: asking, and judging what was found."""
