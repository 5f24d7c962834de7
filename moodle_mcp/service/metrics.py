"""What is counted about calls."""

from __future__ import annotations

from typing import Protocol


class Metrics(Protocol):
    """Counts calls; Prometheus reads the counts."""

    def call(self, function: str, kind: str, seconds: float) -> None:
        """Count a call: the function's name, the kind of its failure or `ok`, and how long it took.

        A cancelled call has the kind `cancelled`.
        """
        ...


class NoMetrics:
    """Counts nothing."""

    def call(self, function: str, kind: str, seconds: float) -> None:
        pass
