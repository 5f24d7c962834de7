"""The page of sizes: what Moodle and this server answer to everyday questions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from moodle_mcp.caller.outcome import Outcome
from moodle_mcp.catalogue.coercion import coerce
from moodle_mcp.catalogue.loading import load
from moodle_mcp.presentation.fence import Fence
from moodle_mcp.presentation.presenter import PresentationSettings, Presenter
from moodle_mcp.redaction.values import without_secrets
from moodle_mcp.server.results import to_text
from moodle_mcp.settings import Settings
from tests.support.recordings import Exchange, calls
from tools.docs.markdown import code, table
from tools.tokens import counter

RECORDED: Final = "23 November 2026, Moodle 4.5.6 (Build: 20250811)"

QUESTIONS: Final = (
    ("Who takes part in this course?", "read:core_enrol_get_enrolled_users"),
    ("Which courses are there?", "read:core_course_get_courses_by_field"),
    ("Which courses have this word in them?", "read:core_course_search_courses"),
    ("Whose work can be graded in this course?", "read:core_grades_get_gradable_users"),
    ("Which courses is this person in?", "atomicity:enrol_2nd_bad_after"),
    ("Who am I here, and what is this site?", "read:core_webservice_get_site_info"),
    ("What is in this course?", "read:core_course_get_contents"),
    ("What are my latest notifications?", "read:message_popup_get_popup_notifications"),
    ("Who in this course has this name?", "read:core_enrol_search_users"),
    ("Who is the person with this id?", "atomicity:update_users_2nd_bad_after"),
)
"""Each question with the recorded exchange that answers it, the largest first."""

_INTRODUCTION: Final = f"""\
# What answers cost

Ten everyday questions, each answered by one call. *Raw* is the JSON that Moodle sent. *From this
server* is the text that an agent gets with the default settings: the function's usual fields as
compact JSON, with the notice about people's texts and the note on which fields are shown. If
there are several pages, they are added up. Tokens are counted with the o200k tokenizer.

Recorded {RECORDED}, on a test site with 30 courses and 201 participants in the course in
question. Its texts are short. On a real site, summaries and posts are longer, in both columns.

"""

_REST: Final = """
Most of the difference comes from leaving fields out, so small answers differ least. `_fields`
asks for other fields, `["*"]` for all.

Each answer is counted once. A client that gives its model both the text and the structured content
shows it twice.
"""


_NUMBER: Final = "5f0c91ab3e"
"""What cursors begin with, so that every run counts the same."""


@dataclass(frozen=True, slots=True)
class Size:
    """What one question costs, in tokens."""

    question: str
    function: str
    raw: int
    shown: int


def page() -> str:
    """Return the page's text."""
    rows = [
        (
            each.question,
            code(each.function),
            f"{each.raw:,}",
            f"{each.shown:,}",
            f"{each.shown / each.raw:.0%}",
        )
        for each in sizes()
    ]
    head = ("question", "function", "raw", "from this server", "of raw")
    return _INTRODUCTION + table(head, rows, numbers=3) + _REST


def sizes() -> list[Size]:
    """Return the sizes of all questions, in their order."""
    recorded = {each.id: each for each in calls(faults=False)}
    count = counter()
    return [_size(question, recorded[id_], count) for question, id_ in QUESTIONS]


def _size(question: str, exchange: Exchange, count: Callable[[str], int]) -> Size:
    shown = sum(map(count, answers(exchange)))
    return Size(question, exchange.function or "", count(exchange.body), shown)


def answers(exchange: Exchange) -> Iterator[str]:
    """Yield the texts that an agent gets for an exchange: the answer and its further pages."""
    most = Settings.model_fields["max_result"].default
    settings = PresentationSettings(max_result=most)
    presenter = Presenter(settings, number=lambda: _NUMBER)
    presenter.fence = Fence("5f0c91ab")
    function = load().get(exchange.function or "")
    coerced = coerce(function, without_secrets(exchange.json))
    outcome = Outcome(coerced.result, coerced.warnings)
    shown = presenter.present(function, outcome.envelope, presenter.view(function, None))
    yield to_text(shown.envelope)[0]
    if shown.rest is not None:
        yield from (page.decode("utf-8", "surrogatepass") for page in shown.rest.pages.values())
