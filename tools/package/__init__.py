"""Build everything that is published and try it in an empty environment."""
