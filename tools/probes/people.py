"""Probes of the functions that write accounts, cohorts, roles, enrolments, messages and notes."""

from __future__ import annotations

from typing import Any, Final

from tests.support.live_things import new_user
from tools.probes.database import UNKNOWN
from tools.probes.place import Place
from tools.probes.probe import AGAIN, NO_SUCH_ID, OUT_OF_RANGE, OUTSIDER, SWITCHED_OFF, Probe


async def accounts(place: Place) -> list[Probe]:
    """Accounts and preferences."""
    create = "core_user_create_users"
    update = "core_user_update_users"
    delete = "core_user_delete_users"
    prefer = "core_user_update_user_preferences"
    reset = "core_auth_request_password_reset"
    new = new_user(place.own.name, "probe")
    gone = await place.make(create, {"users": [new_user(place.own.name, "gone")]})
    await place.make(delete, {"userids": [gone[0]["id"]]})

    def change(**values: Any) -> dict[str, Any]:
        return {"users": [{"id": place.other, **values}]}

    def preference(name: str, value: str, user: int = place.other) -> dict[str, Any]:
        return {"userid": user, "preferences": [{"type": name, "value": value}]}

    unknown_field = {"customfields": [{"type": "nosuchfield", "value": "x"}]}
    return [
        Probe(create, NO_SUCH_ID, "a custom field", {"users": [{**new, **unknown_field}]}),
        Probe(
            create,
            OUT_OF_RANGE,
            "maildisplay 9",
            {"users": [{**new_user(place.own.name, "range"), "maildisplay": 9}]},
        ),
        Probe(create, AGAIN, "", {"users": [new_user(place.own.name, "twice")]}),
        Probe(update, NO_SUCH_ID, "", {"users": [{"id": UNKNOWN, "city": "Bonn"}]}),
        Probe(
            update,
            NO_SUCH_ID,
            "an account that is deleted",
            {"users": [{"id": gone[0]["id"], "city": "Bonn"}]},
        ),
        Probe(update, NO_SUCH_ID, "a custom field", change(**unknown_field)),
        Probe(
            update,
            NO_SUCH_ID,
            "a preference",
            change(preferences=[{"type": "nosuchpreference", "value": "1"}]),
        ),
        Probe(update, NO_SUCH_ID, "a draft as userpicture", change(userpicture=UNKNOWN)),
        Probe(update, OUT_OF_RANGE, "maildisplay 9", change(maildisplay=9)),
        Probe(update, OUT_OF_RANGE, "mailformat 9", change(mailformat=9)),
        Probe(update, OUT_OF_RANGE, "a time zone", change(timezone="Mars/Olympus")),
        Probe(update, OUT_OF_RANGE, "an empty first name", change(firstname="")),
        Probe(update, OUT_OF_RANGE, "an e-mail address", change(email="no address")),
        Probe(update, OUT_OF_RANGE, "a weak password", change(password="a")),
        Probe(update, AGAIN, "", change(city="Bonn")),
        Probe(delete, NO_SUCH_ID, "", {"userids": [UNKNOWN]}),
        Probe(delete, AGAIN, "an account that is deleted", {"userids": [gone[0]["id"]]}),
        Probe(prefer, NO_SUCH_ID, "a user", preference("htmleditor", "textarea", UNKNOWN)),
        Probe(prefer, NO_SUCH_ID, "a preference", preference("nosuchpreference", "1")),
        Probe(prefer, OUT_OF_RANGE, "an editor", preference("htmleditor", "nosucheditor")),
        Probe(prefer, OUT_OF_RANGE, "emailstop 9", {"userid": place.other, "emailstop": 9}),
        Probe(prefer, AGAIN, "", preference("htmleditor", "textarea")),
        Probe(reset, NO_SUCH_ID, "a username", {"username": "nosuchuser"}),
        Probe(reset, NO_SUCH_ID, "an e-mail address", {"email": "nobody@site.invalid"}),
    ]


async def cohorts(place: Place) -> list[Probe]:
    """Cohorts and their members."""
    create = "core_cohort_create_cohorts"
    update = "core_cohort_update_cohorts"
    add = "core_cohort_add_cohort_members"
    remove = "core_cohort_delete_cohort_members"
    delete = "core_cohort_delete_cohorts"
    name = place.own.name
    home = {"type": "id", "value": str(place.own.category)}
    cohort: dict[str, Any] = {"name": name, "idnumber": name, "categorytype": home}
    number = (await place.make(create, {"cohorts": [cohort]}))[0]["id"]

    def member(cohort: int = number, user: int = place.other) -> dict[str, Any]:
        of = {"type": "id", "value": str(cohort)}
        who = {"type": "id", "value": str(user)}
        return {"members": [{"cohorttype": of, "usertype": who}]}

    def out(cohort: int = number, user: int = place.other) -> dict[str, Any]:
        return {"members": [{"cohortid": cohort, "userid": user}]}

    def changed(**values: Any) -> dict[str, Any]:
        return {"cohorts": [{"id": number, **cohort, **values}]}

    nowhere = {"type": "id", "value": str(UNKNOWN)}
    other = {**cohort, "idnumber": f"{name}-2"}
    return [
        Probe(create, NO_SUCH_ID, "a category", {"cohorts": [{**other, "categorytype": nowhere}]}),
        Probe(
            create,
            SWITCHED_OFF,
            "a theme where the site allows none",
            {"cohorts": [{**other, "theme": "classic"}]},
        ),
        Probe(create, AGAIN, "", {"cohorts": [{**cohort, "idnumber": f"{name}-3"}]}),
        Probe(create, AGAIN, "without an id number", {"cohorts": [{**cohort, "idnumber": ""}]}),
        Probe(update, NO_SUCH_ID, "", changed(id=UNKNOWN)),
        Probe(update, NO_SUCH_ID, "a category", changed(categorytype=nowhere)),
        Probe(update, OUT_OF_RANGE, "a taken id number", changed(idnumber=f"{name}-3")),
        Probe(update, AGAIN, "", changed(name=f"{name} b")),
        Probe(add, NO_SUCH_ID, "a cohort", member(cohort=UNKNOWN)),
        Probe(add, NO_SUCH_ID, "a user", member(user=UNKNOWN)),
        Probe(add, AGAIN, "", member()),
        Probe(remove, NO_SUCH_ID, "a cohort", out(cohort=UNKNOWN)),
        Probe(remove, NO_SUCH_ID, "a user", out(user=UNKNOWN)),
        Probe(remove, OUTSIDER, "", out(user=place.outsider)),
        Probe(remove, AGAIN, "", out()),
        Probe(delete, NO_SUCH_ID, "", {"cohortids": [UNKNOWN]}),
    ]


async def roles(place: Place) -> list[Probe]:
    """Roles and enrolments."""
    assign, unassign = "core_role_assign_roles", "core_role_unassign_roles"
    enrol, unenrol = "enrol_manual_enrol_users", "enrol_manual_unenrol_users"
    meta, unlink = "enrol_meta_add_instances", "enrol_meta_delete_instances"
    self_enrol = "enrol_self_enrol_user"
    student = place.own.student_role

    def role(key: str, user: int = place.outsider, **values: Any) -> dict[str, Any]:
        where = {"contextlevel": "course", "instanceid": place.course}
        return {key: [{"roleid": student, "userid": user, **where, **values}]}

    def enrolment(user: int = place.outsider, **values: Any) -> dict[str, Any]:
        given = {"userid": user, "courseid": place.own.other, "roleid": student}
        return {"enrolments": [{**given, **values}]}

    def link(source: int, target: int) -> dict[str, Any]:
        return {"instances": [{"metacourseid": target, "courseid": source}]}

    there = link(place.course, place.own.other)
    off = f"update mdl_enrol set status = 1 where enrol = 'self' and courseid = {place.own.other}"
    on = f"update mdl_enrol set status = 0 where enrol = 'self' and courseid = {place.own.other}"
    manual = "update mdl_enrol set status = {} where enrol = 'manual' and courseid = {}"
    return [
        Probe(assign, NO_SUCH_ID, "a user", role("assignments", user=UNKNOWN)),
        Probe(assign, NO_SUCH_ID, "a role", role("assignments", roleid=UNKNOWN)),
        Probe(assign, NO_SUCH_ID, "a course", role("assignments", instanceid=UNKNOWN)),
        Probe(
            assign,
            OUTSIDER,
            "a role in the course without an enrolment",
            role("assignments"),
        ),
        Probe(assign, AGAIN, "", role("assignments", user=place.other)),
        Probe(unassign, NO_SUCH_ID, "a user", role("unassignments", user=UNKNOWN)),
        Probe(unassign, NO_SUCH_ID, "a role", role("unassignments", roleid=UNKNOWN)),
        Probe(unassign, AGAIN, "a role that is not there", role("unassignments")),
        Probe(enrol, NO_SUCH_ID, "a user", enrolment(user=UNKNOWN)),
        Probe(enrol, NO_SUCH_ID, "a course", enrolment(courseid=UNKNOWN)),
        Probe(enrol, NO_SUCH_ID, "a role", enrolment(roleid=UNKNOWN)),
        Probe(enrol, OUT_OF_RANGE, "an end before the start", enrolment(timestart=9, timeend=5)),
        Probe(enrol, OUT_OF_RANGE, "suspend 9", enrolment(suspend=9)),
        Probe(enrol, AGAIN, "", enrolment(user=place.student)),
        Probe(
            enrol,
            SWITCHED_OFF,
            "manual enrolment is disabled in the course",
            enrolment(user=place.teacher),
            sql=manual.format(1, place.own.other),
        ),
        Probe(
            unenrol,
            NO_SUCH_ID,
            "a user",
            enrolment(user=UNKNOWN),
            sql=manual.format(0, place.own.other),
        ),
        Probe(unenrol, NO_SUCH_ID, "a course", enrolment(courseid=UNKNOWN)),
        Probe(unenrol, OUTSIDER, "", enrolment(user=place.admin)),
        Probe(unenrol, AGAIN, "", enrolment(user=place.student)),
        Probe(meta, NO_SUCH_ID, "a course to take people from", link(UNKNOWN, place.own.other)),
        Probe(meta, NO_SUCH_ID, "a course to put people in", link(place.course, UNKNOWN)),
        Probe(meta, OUT_OF_RANGE, "a course to itself", link(place.course, place.course)),
        Probe(meta, SWITCHED_OFF, "the site has meta links disabled", there),
        Probe(meta, AGAIN, "", there),
        Probe(unlink, NO_SUCH_ID, "", link(UNKNOWN, place.own.other)),
        Probe(unlink, AGAIN, "", there),
        Probe(self_enrol, NO_SUCH_ID, "a course", {"courseid": UNKNOWN}, "student"),
        Probe(
            self_enrol,
            SWITCHED_OFF,
            "self-enrolment is disabled in the course",
            {"courseid": place.own.other},
            "student",
            sql=off,
        ),
        Probe(
            self_enrol,
            NO_SUCH_ID,
            "an enrolment instance",
            {"courseid": place.own.other, "instanceid": UNKNOWN},
            "student",
            sql=on,
        ),
        Probe(self_enrol, AGAIN, "", {"courseid": place.own.other}, "student", sql=on),
    ]


async def messages(place: Place) -> list[Probe]:
    """Messages, notifications and notes."""
    send = "core_message_send_instant_messages"
    reply = "core_message_send_messages_to_conversation"
    read = "core_message_mark_all_conversation_messages_as_read"
    noticed = "core_message_mark_all_notifications_as_read"
    note = "core_notes_create_notes"
    change = "core_notes_update_notes"
    delete = "core_notes_delete_notes"
    gone = await place.make("core_user_create_users", {"users": [new_user(place.own.name, "left")]})
    gone_id = gone[0]["id"]
    suspended = {"users": [{"id": gone_id, "suspended": 1}]}
    await place.make("core_user_update_users", suspended)

    def message(user: int = place.other, text: str = "Hello") -> dict[str, Any]:
        return {"messages": [{"touserid": user, "text": text, "textformat": 2}]}

    talk = (await place.make(send, message(place.teacher), "student"))[0]["conversationid"]

    def noted(user: int = place.student, **values: Any) -> dict[str, Any]:
        given = {"courseid": place.course, "publishstate": "course", "text": "x", "format": 1}
        return {"notes": [{"userid": user, **given, **values}]}

    def renoted(number: int) -> dict[str, Any]:
        changed = {"id": number, "publishstate": "course", "text": "y", "format": 1}
        return {"notes": [changed]}

    number = (await place.make(note, noted(), "teacher"))[0]["noteid"]
    long = "x" * 5_000
    said = {"messages": [{"text": "Hello", "textformat": 2}]}
    mine = {"userid": place.student, "conversationid": talk}
    blocked = "insert into mdl_message_users_blocked (userid, blockeduserid, timecreated) values "
    return [
        Probe(send, NO_SUCH_ID, "a user", message(UNKNOWN)),
        Probe(send, OUT_OF_RANGE, "a suspended account", message(gone_id)),
        Probe(send, OUT_OF_RANGE, "5000 characters", message(text=long)),
        Probe(send, OUT_OF_RANGE, "an empty text", message(text="")),
        Probe(send, OUT_OF_RANGE, "oneself", message(place.admin)),
        Probe(send, OUTSIDER, "no course in common", message(place.outsider), "student"),
        Probe(
            send,
            SWITCHED_OFF,
            "the other has blocked the sender",
            message(place.other),
            "student",
            sql=f"{blocked}({place.other}, {place.student}, 1)",
        ),
        Probe(reply, NO_SUCH_ID, "a conversation", {"conversationid": UNKNOWN, **said}),
        Probe(reply, OUTSIDER, "not of the conversation", {"conversationid": talk, **said}),
        Probe(read, NO_SUCH_ID, "", {**mine, "conversationid": UNKNOWN}, "student"),
        Probe(read, NO_SUCH_ID, "a user", {**mine, "userid": UNKNOWN}),
        Probe(read, OUTSIDER, "not of the conversation", {**mine, "userid": place.admin}),
        Probe(read, AGAIN, "", mine, "student"),
        Probe(noticed, NO_SUCH_ID, "a user", {"useridto": UNKNOWN}),
        Probe(noticed, NO_SUCH_ID, "a sender", {"useridto": place.admin, "useridfrom": UNKNOWN}),
        Probe(noticed, AGAIN, "", {"useridto": place.admin}),
        Probe(note, NO_SUCH_ID, "a user", noted(UNKNOWN), "teacher"),
        Probe(note, NO_SUCH_ID, "a course", noted(courseid=UNKNOWN), "teacher"),
        Probe(note, OUTSIDER, "", noted(place.outsider), "teacher"),
        Probe(note, OUT_OF_RANGE, "an empty text", noted(text=""), "teacher"),
        Probe(note, OUT_OF_RANGE, "publishstate everybody", noted(publishstate="everybody")),
        Probe(change, NO_SUCH_ID, "", renoted(UNKNOWN), "teacher"),
        Probe(change, AGAIN, "", renoted(number), "teacher"),
        Probe(delete, NO_SUCH_ID, "", {"notes": [UNKNOWN]}, "teacher"),
        Probe(delete, AGAIN, "", {"notes": [number]}, "teacher"),
    ]


SETS: Final = (accounts, cohorts, roles, messages)
