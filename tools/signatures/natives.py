"""What reading answers in place of the parts of Moodle that look at the files of the site."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tools.moodle_source.syntax import Names, children, parse, text
from tools.signatures.scope import Scope
from tools.signatures.values import Array, Instance, Php, Unknown

CONSTANTS: Final[Mapping[str, Php]] = {
    "SITEID": "1",
    "SORT_ASC": 4,
    "SORT_DESC": 3,
    "PHP_INT_MAX": 2**63 - 1,
}
"""Constants of PHP, and what Moodle reads from a new site's database."""


_SETTINGS: Final = {"debugdeveloper": False, "lang": "en", "calendartype": "gregorian"}
OF_THE_SITE: Final = frozenset(
    {"theme_config", "core\\output\\theme_config", "core_date", "core\\date"}
    | {"core\\deprecation"}
)
"""Classes whose answers depend on the site."""


def config(root: Path) -> Instance:
    """Return `$CFG` of a site with no settings of its own."""
    folders = {"dirroot": str(root), "libdir": str(root / "lib"), "admin": "admin"}
    return Instance("stdclass", {**folders, **_SETTINGS})


def plugins(root: Path, kind: Php) -> Php:
    """`core_component::get_plugin_list`: the folders of a type's plugins by name."""
    if not isinstance(kind, str):
        return Unknown("get_plugin_list()")
    folder = _types(root).get(kind)
    if folder is None:
        return Array()
    found = [each for each in sorted((root / folder).glob("*")) if (each / "version.php").is_file()]
    return Array({each.name: str(each) for each in found})


def capabilities(root: Path, component: Php, value: Callable[[Any, Scope], Php]) -> Php:
    """`load_capability_def`: what a component's `db/access.php` declares."""
    kind, _, name = str(component).partition("_")
    folder = _types(root).get(kind)
    path = root / (folder or "lib") / (name if folder else "") / "db" / "access.php"
    if not path.is_file():
        return Array()
    for statement in children(parse(path.read_bytes()), "expression_statement"):
        for each in children(statement, "assignment_expression"):
            right = each.child_by_field_name("right")
            if text(each.child_by_field_name("left")) == "$capabilities" and right is not None:
                return value(right, Scope(Names()))
    return Array()


def _types(root: Path) -> dict[str, str]:
    """Return the folders of the types of plugins, also of those that plugins have."""
    found: dict[str, str] = {
        "mod": "mod",
        "tool": "admin/tool",
        "gradingform": "grade/grading/form",
    }
    for path in [root / "lib" / "components.json", *sorted(root.rglob("db/subplugins.json"))]:
        if path.is_file():
            about = json.loads(path.read_text(encoding="utf-8"))
            found |= about.get("plugintypes", {})
            home = path.parent.parent.relative_to(root)
            own = about.get("subplugintypes", {})
            found |= {kind: str(home / folder) for kind, folder in own.items()}
    return {kind: folder.removeprefix("public/") for kind, folder in found.items()}
