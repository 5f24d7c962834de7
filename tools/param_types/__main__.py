"""`python -m tools.param_types CONFIG_PHP`: ask a Moodle on this machine about the recorded texts.

Rewrites `tests/data/param_types.json`: the texts, and for each type one character per text, `1`
if Moodle accepts it. To ask about another text, add it to `values` there. PHP must be able to read
the site's `config.php`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from moodle_mcp.catalogue.param_types import RULES

_HERE = Path(__file__).parent
_RECORDED = _HERE.parents[1] / "tests" / "data" / "param_types.json"


def main(config: str) -> None:
    values: list[str] = json.loads(_RECORDED.read_text(encoding="utf-8"))["values"]
    answer = subprocess.run(
        ["php", str(_HERE / "judge.php"), config],  # noqa: S607
        input=json.dumps({"types": sorted(RULES), "values": values}),
        capture_output=True,
        text=True,
        check=True,
    )
    accepted = json.loads(answer.stdout.splitlines()[-1])
    recorded = {"values": values, "accepted": accepted}
    _RECORDED.write_text(f"{json.dumps(recorded, indent=0)}\n", encoding="utf-8")


main(sys.argv[1])
