"""The functions that the demo site implements: one module for each of Moodle's components."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from moodle_mcp.demo.call import Handler, in_transaction
from moodle_mcp.demo.functions import (
    assign,
    assign_grades,
    calendar,
    category,
    cohort,
    completion,
    contents,
    course,
    course_copy,
    enrol,
    forum,
    grade,
    group,
    message,
    mobile,
    notes,
    site,
    user,
)

HANDLERS: Final[Mapping[str, Handler]] = MappingProxyType(
    {
        "core_calendar_create_calendar_events": in_transaction(calendar.create_calendar_events),
        "core_calendar_get_action_events_by_timesort": calendar.get_action_events_by_timesort,
        "core_cohort_add_cohort_members": cohort.add_cohort_members,
        "core_cohort_create_cohorts": in_transaction(cohort.create_cohorts),
        "core_cohort_delete_cohort_members": in_transaction(cohort.delete_cohort_members),
        "core_cohort_get_cohort_members": cohort.get_cohort_members,
        "core_cohort_get_cohorts": cohort.get_cohorts,
        "core_completion_get_activities_completion_status": (
            completion.get_activities_completion_status
        ),
        "core_course_create_categories": in_transaction(category.create_categories),
        "core_course_create_courses": in_transaction(course.create_courses),
        "core_course_delete_courses": course.delete_courses,
        "core_course_duplicate_course": course_copy.duplicate_course,
        "core_course_get_categories": category.get_categories,
        "core_course_get_contents": contents.get_contents,
        "core_course_get_course_module": contents.get_course_module,
        "core_course_get_course_module_by_instance": contents.get_course_module_by_instance,
        "core_course_get_courses": course.get_courses,
        "core_course_get_courses_by_field": course.get_courses_by_field,
        "core_course_search_courses": course.search_courses,
        "core_course_update_courses": course.update_courses,
        "core_enrol_get_enrolled_users": enrol.get_enrolled_users,
        "core_enrol_get_users_courses": enrol.get_users_courses,
        "core_group_add_group_members": in_transaction(group.add_group_members),
        "core_group_assign_grouping": in_transaction(group.assign_grouping),
        "core_group_create_groups": in_transaction(group.create_groups),
        "core_group_delete_group_members": in_transaction(group.delete_group_members),
        "core_group_delete_groups": in_transaction(group.delete_groups),
        "core_group_get_course_groups": group.get_course_groups,
        "core_group_get_group_members": group.get_group_members,
        "core_group_get_groupings": group.get_groupings,
        "core_group_get_groups": group.get_groups,
        "core_message_get_messages": message.get_messages,
        "core_message_send_instant_messages": message.send_instant_messages,
        "core_notes_create_notes": notes.create_notes,
        "core_user_create_users": in_transaction(user.create_users),
        "core_user_delete_users": in_transaction(user.delete_users),
        "core_user_get_users": user.get_users,
        "core_user_get_users_by_field": user.get_users_by_field,
        "core_user_update_users": user.update_users,
        "core_webservice_get_site_info": site.get_site_info,
        "enrol_manual_enrol_users": in_transaction(enrol.enrol_users),
        "enrol_manual_unenrol_users": in_transaction(enrol.unenrol_users),
        "gradereport_user_get_grade_items": grade.get_grade_items,
        "mod_assign_get_assignments": assign.get_assignments,
        "mod_assign_get_grades": assign_grades.get_grades,
        "mod_assign_get_submissions": assign.get_submissions,
        "mod_assign_get_user_flags": assign_grades.get_user_flags,
        "mod_assign_list_participants": assign_grades.list_participants,
        "mod_assign_lock_submissions": assign_grades.lock_submissions,
        "mod_assign_save_grade": assign_grades.save_grade,
        "mod_assign_save_grades": assign_grades.save_grades,
        "mod_assign_save_submission": assign.save_submission,
        "mod_assign_save_user_extensions": assign.save_user_extensions,
        "mod_assign_unlock_submissions": assign_grades.unlock_submissions,
        "mod_forum_get_forum_discussions": forum.get_forum_discussions,
        "mod_forum_get_forums_by_courses": forum.get_forums_by_courses,
        "tool_mobile_call_external_functions": mobile.call_external_functions,
    }
)
"""The implemented functions; the others in the catalogue only check their parameters."""
