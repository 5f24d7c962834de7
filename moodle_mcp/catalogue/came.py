"""Which release brought or dropped a parameter, as far as known: `data/came.tsv`.

A row has the function's name, the parameter's path (`groups[].visibility`) and the release. They
were read in the sources of 4.2.3 and 5.0.6 (`python -m tools.signatures`), and in the notes for
developers of 4.5.6.
"""

from __future__ import annotations

from collections.abc import ItemsView, Mapping
from functools import cached_property
from importlib import resources


class Came:
    """The releases that brought parameters; the file is read on first use."""

    def __getitem__(self, function: str) -> Mapping[str, str]:
        """Return the releases by the parameters' paths."""
        return self._rows.get(function, {})

    def items(self) -> ItemsView[str, Mapping[str, str]]:
        """Return all releases by function and path."""
        return self._rows.items()

    @cached_property
    def _rows(self) -> Mapping[str, Mapping[str, str]]:
        data = resources.files("moodle_mcp.catalogue") / "data" / "came.tsv"
        rows: dict[str, dict[str, str]] = {}
        for row in data.read_text(encoding="utf-8").splitlines():
            function, path, release = row.split("\t")
            rows.setdefault(function, {})[path] = release
        return rows
