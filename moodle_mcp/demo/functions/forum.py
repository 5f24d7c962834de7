"""mod_forum: forums and their discussions."""

from __future__ import annotations

from typing import Final

from moodle_mcp.demo.call import Answer, Call, Params, option, warning
from moodle_mcp.demo.errors import missing_record
from moodle_mcp.demo.records import Discussion, Module

_PER_PAGE: Final = 10
_BY_REPLIES: Final = (5, 6)
_ASCENDING: Final = (2, 4, 6)


def get_forums_by_courses(call: Call, params: Params) -> list[Answer]:
    """mod_forum_get_forums_by_courses: by default for the caller's own courses."""
    mine = [each.course for each in call.world.enrolments_of(call.user.id)]
    answers: list[Answer] = []
    for course_id in params["courseids"] or mine:
        course = call.world.courses.get(course_id)
        if course is None or not call.may_enter(course):
            continue
        forums = call.world.modules_of(course_id, "forum")
        answers += [_forum(call, module) for module in forums if call.sees(module)]
    return answers


def get_forum_discussions(call: Call, params: Params) -> Answer:
    """mod_forum_get_forum_discussions."""
    module = call.world.module_of("forum", params["forumid"])
    if module is None:
        raise missing_record("forum", params["forumid"])
    call.course(module.course)
    order = option(params, "sortorder", 1)
    found = [each for each in call.world.discussions.values() if each.forum == module.instance]
    key = "replies" if order in _BY_REPLIES else "created"
    found.sort(key=lambda each: (getattr(each, key), each.id), reverse=order not in _ASCENDING)
    found.sort(key=lambda each: not each.pinned)
    page, size = option(params, "page", -1), option(params, "perpage", 0) or _PER_PAGE
    if page >= 0:
        found = found[page * size : (page + 1) * size]
    warnings: list[Answer] = []
    if params.get("groupid") is not None and params["groupid"] not in (-1, 0):
        group = call.world.groups.get(params["groupid"])
        if group is None or group.course != module.course:
            warnings.append(warning("group", params["groupid"], "1", "No such group in the course"))
    return {"discussions": [_discussion(call, each) for each in found], "warnings": warnings}


def _forum(call: Call, module: Module) -> Answer:
    count = sum(each.forum == module.instance for each in call.world.discussions.values())
    return {
        "id": module.instance,
        "course": module.course,
        "type": "news",
        "name": module.name,
        "intro": module.intro,
        "introformat": 1,
        "introfiles": [],
        "lang": "",
        "duedate": 0,
        "cutoffdate": 0,
        "assessed": 0,
        "assesstimestart": 0,
        "assesstimefinish": 0,
        "scale": 0,
        "grade_forum": 0,
        "grade_forum_notify": 0,
        "maxbytes": 512_000,
        "maxattachments": 9,
        "forcesubscribe": 1,
        "trackingtype": 1,
        "rsstype": 0,
        "rssarticles": 0,
        "timemodified": module.added,
        "warnafter": 0,
        "blockafter": 0,
        "blockperiod": 0,
        "completiondiscussions": 0,
        "completionreplies": 0,
        "completionposts": 0,
        "cmid": module.id,
        "numdiscussions": count,
        "cancreatediscussions": call.teaches(module.course),
        "lockdiscussionafter": 0,
        "istracked": False,
        "unreadpostscount": 0,
    }


def _discussion(call: Call, discussion: Discussion) -> Answer:
    author = call.world.users[discussion.user]
    teaches = call.teaches(discussion.course)
    return {
        "id": discussion.id,
        "name": discussion.subject,
        "groupid": -1,
        "timemodified": discussion.created,
        "usermodified": author.id,
        "timestart": 0,
        "timeend": 0,
        "discussion": discussion.id,
        "parent": 0,
        "userid": author.id,
        "created": discussion.created,
        "modified": discussion.created,
        "mailed": 1,
        "subject": discussion.subject,
        "message": discussion.message,
        "messageformat": 1,
        "messagetrust": 0,
        "messageinlinefiles": [],
        "attachment": "0",
        "attachments": [],
        "totalscore": 0,
        "mailnow": 0,
        "userfullname": author.fullname,
        "usermodifiedfullname": author.fullname,
        "userpictureurl": call.picture(),
        "usermodifiedpictureurl": call.picture(),
        "numreplies": discussion.replies,
        "numunread": 0,
        "pinned": discussion.pinned,
        "locked": False,
        "starred": False,
        "canreply": True,
        "canlock": teaches,
        "canfavourite": True,
    }
