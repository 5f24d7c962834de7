"""The functions of PHP that Moodle's declarations use.

A call with an unreadable argument does not come here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from tools.signatures.values import Array, Function, Instance, append, array, key_of, truth


def array_column(rows: Any, key: Any) -> Any:
    return array(row[key] for row in rows.values())


def array_combine(keys: Any, values: Any) -> Any:
    return Array(zip(map(key_of, keys.values()), values.values(), strict=True))


def array_diff(first: Any, *others: Any) -> Any:
    gone = [value for other in others for value in other.values()]
    return Array({key: value for key, value in first.items() if value not in gone})


def array_diff_key(first: Any, *others: Any) -> Any:
    gone = {key for other in others for key in other}
    return Array({key: value for key, value in first.items() if key not in gone})


def array_fill_keys(keys: Any, value: Any) -> Any:
    return Array(dict.fromkeys(map(key_of, keys.values()), value))


def array_filter(given: Any, keep: Function | None = None, mode: int = 0) -> Any:
    def kept(key: Any, value: Any) -> bool:
        if keep is None:
            return truth(value)
        arguments = {0: (value,), 2: (key,)}.get(mode, (value, key))
        return truth(keep.call(*arguments))

    return Array({key: value for key, value in given.items() if kept(key, value)})


def array_flip(given: Any) -> Any:
    return Array({key_of(value): key for key, value in given.items()})


def array_intersect_key(first: Any, *others: Any) -> Any:
    common = {key for key in first if all(key in other for other in others)}
    return Array({key: value for key, value in first.items() if key in common})


def array_key_exists(key: Any, given: Any) -> Any:
    return key_of(key) in given


def array_keys(given: Any) -> Any:
    return array(given)


def array_map(function: Function, given: Any) -> Any:
    return Array({key: function.call(value) for key, value in given.items()})


def array_merge(*arrays: Any) -> Any:
    result = Array()
    for each in arrays:
        for key, value in each.items():
            if isinstance(key, int):
                append(result, value)
            else:
                result[key] = value
    return result


def array_unique(given: Any) -> Any:
    kept = Array()
    for key, value in given.items():
        if value not in kept.values():
            kept[key] = value
    return kept


def array_values(given: Any) -> Any:
    return array(given.values())


def count(given: Any) -> Any:
    return len(given)


def explode(by: Any, given: Any) -> Any:
    return array(given.split(by))


def file_exists(path: Any) -> Any:
    return Path(path).exists()


def implode(by: Any, given: Any) -> Any:
    return by.join(map(str, given.values()))


def in_array(value: Any, given: Any, strict: Any = False) -> Any:
    return value in given.values()


def intval(value: Any) -> Any:
    return int(value)


def is_array(value: Any) -> Any:
    return isinstance(value, Array)


def is_null(value: Any) -> Any:
    return value is None


def is_object(value: Any) -> Any:
    return isinstance(value, Instance)


def is_string(value: Any) -> Any:
    return isinstance(value, str)


def str_replace(old: Any, new: Any, given: Any) -> Any:
    return given.replace(old, new)


def str_starts_with(given: Any, start: Any) -> Any:
    return given.startswith(start)


def strlen(value: Any) -> Any:
    return len(value)


def strpos(given: Any, part: Any) -> Any:
    at = given.find(part)
    return at if at >= 0 else False


def strrpos(given: Any, part: Any) -> Any:
    at = given.rfind(part)
    return at if at >= 0 else False


def strtolower(value: Any) -> Any:
    return value.lower()


def substr(given: Any, start: Any, length: Any = None) -> Any:
    return given[start:] if length is None else given[start:][:length]


def trim(value: Any, *_: Any) -> Any:
    return value.strip()


def uniqid(*_: Any) -> Any:
    return "unique"


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    each.__name__: each
    for each in (
        array_column, array_combine, array_diff, array_diff_key, array_fill_keys, array_filter,
        array_flip, array_intersect_key, array_key_exists, array_keys, array_map, array_merge,
        array_unique, array_values, count, explode, file_exists, implode, in_array, intval,
        is_array, is_null, is_object, is_string, str_replace, str_starts_with, strlen, strpos,
        strrpos, strtolower, substr, trim, uniqid,
    )
}  # fmt: skip
