"""How well `find_functions` understands people: a benchmark."""
