"""Calls of functions that write all their items or none; the last item of each is wrong."""

from __future__ import annotations

from typing import Any

USER = {"password": "Abcdef1!", "firstname": "a", "lastname": "b"}
SYSTEM = {"type": "system", "value": ""}

TRANSACTIONS: dict[str, dict[str, Any]] = {
    "core_user_create_users": {
        "users": [
            USER | {"username": "new1", "email": "new1@example.com"},
            USER | {"username": "student1", "email": "new2@example.com"},
        ]
    },
    "core_user_delete_users": {"userids": [5, 999_999]},
    "enrol_manual_enrol_users": {
        "enrolments": [
            {"roleid": 5, "userid": 30, "courseid": 3},
            {"roleid": 5, "userid": 999_999, "courseid": 3},
        ]
    },
    "enrol_manual_unenrol_users": {
        "enrolments": [{"userid": 5, "courseid": 2}, {"userid": 999_999, "courseid": 2}]
    },
    "core_course_create_courses": {
        "courses": [
            {"fullname": "New", "shortname": "NEW", "categoryid": 1},
            {"fullname": "x", "shortname": "BIO101", "categoryid": 1},
        ]
    },
    "core_course_create_categories": {
        "categories": [{"name": "New"}, {"name": "x", "parent": 999}]
    },
    "core_group_create_groups": {
        "groups": [
            {"courseid": 2, "name": "New", "description": ""},
            {"courseid": 2, "name": "Lab group A", "description": ""},
        ]
    },
    "core_group_add_group_members": {
        "members": [{"groupid": 1, "userid": 3}, {"groupid": 999, "userid": 3}]
    },
    "core_group_delete_group_members": {
        "members": [{"groupid": 1, "userid": 4}, {"groupid": 999, "userid": 3}]
    },
    "core_cohort_create_cohorts": {
        "cohorts": [
            {"categorytype": SYSTEM, "name": "New", "idnumber": "new"},
            {"categorytype": SYSTEM, "name": "x", "idnumber": "exchange"},
        ]
    },
    "core_cohort_delete_cohort_members": {
        "members": [{"cohortid": 1, "userid": 4}, {"cohortid": 1, "userid": 999_999}]
    },
    "core_group_assign_grouping": {
        "assignments": [{"groupingid": 1, "groupid": 3}, {"groupingid": 1, "groupid": 999}]
    },
    "core_calendar_create_calendar_events": {
        "events": [
            {"name": "New", "courseid": 2, "eventtype": "course"},
            {"name": "x", "courseid": 999, "eventtype": "course"},
        ]
    },
}
