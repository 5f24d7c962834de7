"""Known defects of Moodle itself, each with what was observed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_NO_SERVER: Final = "no BigBlueButton server answers the site"
_NO_BIG_BLUE_BUTTON: Final = "an unknown id ends in a PHP error instead of an exception"

REFUSED: Final[Mapping[tuple[str, str], str]] = {
    ("core_backup_get_async_backup_links_backup", ""): (
        "in 4.1 a file that does not exist ends in a PHP error instead of an exception"
    ),
    ("core_calendar_get_action_events_by_course", "invalidresponse"): (
        "for a course where the user is not enrolled its answer lacks the required key `events`"
    ),
    ("core_course_get_updates_since", "dmlreadexception"): (
        "for a course whose quiz draws random questions it asks PostgreSQL for a question `s1`"
    ),
    ("core_grades_get_groups_for_search_widget", ""): (
        "in 4.1 its method may not be called from outside: no call ever succeeds"
    ),
    ("core_notes_get_notes", "invalidresponse"): (
        "for an unknown note its answer lacks the required key `notes`"
    ),
    ("gradereport_singleview_get_grade_items_for_search_widget", ""): (
        "Moodle declares a method that may not be called from outside: no call ever succeeds"
    ),
    ("mod_bigbluebuttonbn_can_join", "general_error_no_answer"): _NO_SERVER,
    ("mod_bigbluebuttonbn_meeting_info", "general_error_no_answer"): _NO_SERVER,
    ("mod_bigbluebuttonbn_get_recordings_to_import", ""): _NO_BIG_BLUE_BUTTON,
    ("mod_bigbluebuttonbn_meeting_info", ""): _NO_BIG_BLUE_BUTTON,
    ("mod_glossary_get_authors", "invalidresponse"): (
        "in a glossary without entries it answers an empty text where it promises a list"
    ),
    ("mod_lti_get_tool_proxy_registration_request", "invalidresponse"): (
        "it answers a placeholder where it promises an address"
    ),
    ("report_competency_data_for_report", ""): (
        "its code names a class that does not exist, where competencies are not set up"
    ),
    ("tool_behat_get_entity_generator", ""): "it needs Moodle's developer packages",
    ("tool_moodlenet_search_courses", "invalidresponse"): (
        "a course whose name has an angle bracket breaks its answer"
    ),
}
"""Errors that this server can't prevent, by function and errorcode (empty for a PHP error)."""

ODD: Final[Mapping[str, str]] = {}
"""Answers of another type than Moodle declares, by function."""
