"""Tables as spreadsheets write them."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from moodle_mcp.tables.reader import DELIMITERS, Column, Row, TableError, letters, read_table
from moodle_mcp.textfile import decoded, known_encoding

HEADERS = st.lists(
    st.from_regex(r"[a-z]{1,8}(\[[a-z0-9]{1,3}\])?", fullmatch=True), min_size=1, max_size=6
)
CELLS = st.text(
    st.characters(codec="cp1252", exclude_characters="\0") | st.sampled_from(',;\t|"\r\n '),
    max_size=12,
)


def written(rows: list[list[str]], delimiter: str, line_end: str) -> str:
    """A table as Excel quotes it: the module's own writer leaves out some line ends otherwise."""
    return "".join(_line(row, delimiter) + line_end for row in rows)


def _line(row: list[str], delimiter: str) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerow(row)
    return out.getvalue().removesuffix("\r\n")


def cells(text: str, delimiter: str | None = None) -> list[list[str]]:
    """Return all cells, the header's first; each row has as many as there are columns."""
    table = read_table(text, delimiter)
    rows = [[row.cell(column) for column in table.columns] for row in table.rows]
    return [[column.header for column in table.columns], *rows]


@given(
    st.data(),
    HEADERS,
    st.sampled_from([*DELIMITERS, "|"]),
    st.sampled_from(["\r\n", "\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]),
    st.integers(0, 3),
    st.booleans(),
)
def test_what_a_spreadsheet_writes_is_read_back(
    data: st.DataObject,
    header: list[str],
    delimiter: str,
    line_end: str,
    codec: str,
    empty_columns: int,
    says_the_delimiter: bool,
) -> None:
    row = st.lists(CELLS, min_size=len(header), max_size=len(header))
    rows = data.draw(st.lists(row.filter(lambda row: any(map(str.strip, row))), min_size=1))
    text = written([each + [""] * empty_columns for each in [header, *rows]], delimiter, line_end)
    if says_the_delimiter:
        text = f"sep={delimiter}{line_end}{text}"
    data_ = text.encode(codec)
    if codec == "cp1252":
        assume(data_.isascii() or not is_utf8(data_))
    named = "|" if delimiter == "|" and not says_the_delimiter else None
    # Of one column no header tells the delimiter; what the cells hold of it is in quotes then.
    if len(header) + empty_columns == 1 and not says_the_delimiter:
        named = delimiter
    assert cells(decoded(data_, known_encoding(codec)), named) == [header, *rows]


def is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(st.lists(st.lists(CELLS, max_size=5), min_size=2, max_size=5), st.sampled_from(DELIMITERS))
def test_no_cell_is_lost(rows: list[list[str]], delimiter: str) -> None:
    """Whatever is written, each cell that is not blank is read or the table is refused."""
    try:
        read = cells(written(rows, delimiter, "\r\n"), delimiter)
    except TableError:
        return
    header = next(row for row in rows if any(map(str.strip, row)))
    found = [cell for row in read[1:] for cell in row if cell.strip()]
    rest = rows[rows.index(header) + 1 :]
    assert found == [cell for row in rest for cell in row if cell.strip()]


@given(st.integers(0, 16_383))
def test_columns_have_the_letters_of_spreadsheets(position: int) -> None:
    openpyxl_utils = pytest.importorskip("openpyxl.utils")
    assert letters(position) == openpyxl_utils.get_column_letter(position + 1)


def test_rows_know_the_line_on_which_they_begin() -> None:
    text = 'sep=;\r\n\r\n a ;b;\r\n"x\r\ny";1;\r\n;;\r\n\r\nz;;;;\r\n'
    table = read_table(text)
    assert table.columns == (Column(0, "a"), Column(1, "b"))
    assert table.rows == (Row(4, ("x\r\ny", "1", "")), Row(8, ("z", "", "", "", "")))


@pytest.mark.parametrize("first", ["sep=;", "SEP=;", '"sep=;"', "sep=;;;;"])
def test_the_line_that_names_the_delimiter_is_no_header(first: str) -> None:
    assert cells(f"{first}\na\n1;\n") == [["a"], ["1"]]


def test_a_delimiter_that_is_given_wins() -> None:
    assert cells("sep=;\na|b\n1;2|3\n", "|") == [["a", "b"], ["1;2", "3"]]


REFUSED = {
    "nothing": "",
    "only blanks": ";;\n;;\n",
    "no rows": "a,b\n,\n",
    "a cell too many": "a,b\n1,2\n\n1,2,Secret\n",
    "no header above a cell": "a,,c\n1,Secret,3\n",
    "an open quote": 'a,b\n1,2\n1,"Secret\n1,2\n',
    "a quote inside": 'a,b\n"1"Secret,2\n',
    "a long header": "x" * 200_000,
    "a long cell": f"a,b\n1,2\n1,{'x' * 200_000}\n",
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_table_is_refused_with_the_place_and_no_cell(case: str) -> None:
    with pytest.raises(TableError) as caught:
        read_table(REFUSED[case])
    assert "Secret" not in str(caught.value)
    assert (
        str(caught.value)
        == snapshot(
            {
                "nothing": "is empty: its first line must name the columns",
                "only blanks": "is empty: its first line must name the columns",
                "no rows": "has a header and no rows",
                "a cell too many": "column C, line 4: there is a value, but the column has no header (quote cells that contain the delimiter)",
                "no header above a cell": "column B, line 2: there is a value, but the column has no header (quote cells that contain the delimiter)",
                "an open quote": "line 3: a quote that opens there is never closed, or a cell has over 131072 characters",
                "a quote inside": "line 2: a quote ends inside a cell: ',' or a second quote must follow it",
                "a long header": "line 1: a quote that opens there is never closed, or a cell has over 131072 characters",
                "a long cell": "line 3: a quote that opens there is never closed, or a cell has over 131072 characters",
            }
        )[case]
    )
