"""The table of errorcodes: complete, valid and without unused rows."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from moodle_mcp.errors import Delivery, Kind
from moodle_mcp.site.errorcodes import Meaning, When, hint_of, meaning_of
from moodle_mcp.site.moodle_errors import IDENTIFIER, moodle_error, moodle_fault

ROOT = Path(__file__).parents[2]
FOUND = ROOT / "tools" / "errorcodes" / "found-4.5.6.tsv"
ALSO = ROOT / "tools" / "errorcodes" / "also.tsv"


def table(name: str) -> list[list[str]]:
    text = (resources.files("moodle_mcp.site") / "data" / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines()]


def listed(path: Path) -> list[str]:
    """The errorcodes of one of the maintainers' lists."""
    return [line.split("\t")[0] for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_table_has_the_errorcodes_that_moodle_raises_and_no_others() -> None:
    codes = [row[0] for row in table("errorcodes.tsv")]
    assert codes == sorted(set(codes))
    assert set(codes) == {*listed(FOUND), *listed(ALSO)}
    assert not set(listed(FOUND)) & set(listed(ALSO))
    assert all(IDENTIFIER.fullmatch(code) for code in codes)


def test_every_row_has_a_kind_a_time_and_a_hint_that_exist() -> None:
    for code, *_ in table("errorcodes.tsv"):
        meaning = meaning_of(code)
        assert meaning is not None
        assert meaning.hint != ""


def test_every_hint_is_used() -> None:
    used = {row[3] for row in table("errorcodes.tsv") if len(row) > 3}
    assert {name for name, _ in table("hints.tsv")} == used


def test_only_what_is_refused_for_what_was_given_is_refused_while_checking() -> None:
    kinds = {
        meaning.kind
        for code, *_ in table("errorcodes.tsv")
        if (meaning := meaning_of(code)) and meaning.when is When.CHECKING
    }
    assert kinds == {Kind.NOT_FOUND, Kind.INVALID_PARAMETER, Kind.NO_PERMISSION, Kind.CONFLICT}


def test_an_errorcode_that_is_not_in_the_table_has_no_meaning() -> None:
    assert meaning_of("somethingnew") is None
    assert meaning_of("invalidtoke") is None


def test_a_hint_that_does_not_exist_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        hint_of("nosuchhint")


def test_what_an_errorcode_means() -> None:
    assert meaning_of("incorrectwikiid") == Meaning(Kind.NOT_FOUND)
    assert meaning_of("cannotfindsco") == Meaning(Kind.NOT_FOUND)
    assert meaning_of("notenroled") == snapshot(
        Meaning(
            kind=Kind.NO_PERMISSION,
            when=When.CHECKING,
            hint="The token's user is not enrolled there.",
        )
    )


@pytest.mark.parametrize(
    ("sentence", "kind"),
    [
        ("You have no permission for that.", Kind.NO_PERMISSION),
        ("This person is not a member of it.", Kind.NO_PERMISSION),
        ("The thing doesn't exist.", Kind.NOT_FOUND),
        ("Unable to find thing 7", Kind.NOT_FOUND),
        ("The thing must have a colour.", Kind.INVALID_PARAMETER),
    ],
)
def test_a_sentence_in_the_place_of_an_errorcode_has_a_kind(sentence: str, kind: Kind) -> None:
    fault = moodle_fault({"exception": "moodle_exception", "errorcode": sentence})
    assert (fault.kind, fault.message, fault.errorcode) == (kind, sentence, None)


def test_a_missing_capability_is_found_before_anything_is_written() -> None:
    for errorcode in ("nopermissions", "nopermissiontosomethingnew"):
        assert moodle_error({"exception": "x", "errorcode": errorcode}).while_checking


def test_errorcodes_tell_refusals_before_the_function_and_during_its_checks() -> None:
    def stage(errorcode: str) -> tuple[bool, bool]:
        error = moodle_error({"error": "x", "errorcode": errorcode})
        return error.delivery is Delivery.REJECTED, error.while_checking

    assert {code: stage(code) for code in ("invalidtoken", "invalidrecord", "savingerror")} == {
        "invalidtoken": (True, False),
        "invalidrecord": (False, True),
        "savingerror": (False, False),
    }
