"""Probes of the functions that write in forums, choices and quizzes."""

from __future__ import annotations

from typing import Any, Final

from tools.probes.database import UNKNOWN
from tools.probes.place import Place
from tools.probes.probe import AGAIN, NO_SUCH_ID, OUT_OF_RANGE, OUTSIDER, SWITCHED_OFF, Probe


async def forums(place: Place) -> list[Probe]:
    """Discussions and posts."""
    create, reply = "mod_forum_add_discussion", "mod_forum_add_discussion_post"
    change, delete = "mod_forum_update_discussion_post", "mod_forum_delete_post"
    lock, subscribe = "mod_forum_set_lock_state", "mod_forum_set_subscription_state"
    forum = place.modules["forum"][0]["instance"]

    def subject(**values: Any) -> dict[str, Any]:
        return {"forumid": forum, "subject": "Subject", "message": "Text", **values}

    talk = (await place.make(create, subject(), "teacher"))["discussionid"]
    posts = await place.make("mod_forum_get_discussion_posts", {"discussionid": talk})
    post = posts["posts"][0]["id"]

    def option(name: str, value: str) -> dict[str, Any]:
        return {"options": [{"name": name, "value": value}]}

    def answer(**values: Any) -> dict[str, Any]:
        return {"postid": post, "subject": "Re", "message": "Text", **values}

    own = (await place.make(reply, answer(), "student"))["postid"]

    def edited(**values: Any) -> dict[str, Any]:
        return {"postid": own, "message": "New", **values}

    def state(to: int, **values: Any) -> dict[str, Any]:
        return {"forumid": forum, "discussionid": talk, "targetstate": to, **values}

    never = f"update mdl_forum set forcesubscribe = {{}} where id = {forum}"
    return [
        Probe(create, NO_SUCH_ID, "a forum", subject(forumid=UNKNOWN), "student"),
        Probe(create, NO_SUCH_ID, "a group", subject(groupid=UNKNOWN), "teacher"),
        Probe(
            create,
            NO_SUCH_ID,
            "a draft as attachments",
            subject(**option("attachmentsid", str(UNKNOWN))),
            "teacher",
        ),
        Probe(create, OUT_OF_RANGE, "an empty message", subject(message=""), "teacher"),
        Probe(create, OUT_OF_RANGE, "an empty subject", subject(subject=""), "teacher"),
        Probe(
            create,
            SWITCHED_OFF,
            "a student may not pin",
            subject(**option("discussionpinned", "1")),
            "student",
        ),
        Probe(reply, NO_SUCH_ID, "a post", answer(postid=UNKNOWN), "student"),
        Probe(reply, OUT_OF_RANGE, "an empty message", answer(message=""), "student"),
        Probe(
            reply,
            SWITCHED_OFF,
            "a student may not write private replies",
            answer(**option("private", "1")),
            "student",
        ),
        Probe(
            reply,
            NO_SUCH_ID,
            "a draft as attachments",
            answer(**option("attachmentsid", str(UNKNOWN))),
            "student",
        ),
        Probe(change, NO_SUCH_ID, "", edited(postid=UNKNOWN), "student"),
        Probe(change, OUTSIDER, "another's post", edited(postid=post), "student"),
        Probe(change, OUT_OF_RANGE, "neither subject nor text", {"postid": own}, "student"),
        Probe(change, OUT_OF_RANGE, "an empty text", edited(message=""), "student"),
        Probe(
            change,
            SWITCHED_OFF,
            "pinning through a reply",
            edited(message="Pinned", **option("pinned", "1")),
            "teacher",
        ),
        Probe(
            change,
            SWITCHED_OFF,
            "a student may not pin",
            edited(message="Newer", **option("pinned", "1")),
            "student",
        ),
        Probe(change, AGAIN, "", edited(message="Newest"), "student"),
        Probe(delete, NO_SUCH_ID, "", {"postid": UNKNOWN}, "student"),
        Probe(delete, OUTSIDER, "another's post", {"postid": post}, "student"),
        Probe(lock, NO_SUCH_ID, "a discussion", state(0, discussionid=UNKNOWN), "teacher"),
        Probe(lock, NO_SUCH_ID, "a forum", state(0, forumid=UNKNOWN), "teacher"),
        Probe(lock, OUTSIDER, "a student", state(0), "student"),
        Probe(lock, OUT_OF_RANGE, "targetstate 9", state(9), "teacher"),
        Probe(lock, AGAIN, "", state(1), "teacher"),
        Probe(subscribe, NO_SUCH_ID, "a discussion", state(1, discussionid=UNKNOWN), "student"),
        Probe(subscribe, NO_SUCH_ID, "a forum", state(1, forumid=UNKNOWN), "student"),
        Probe(subscribe, AGAIN, "", state(1), "student"),
        Probe(
            subscribe,
            SWITCHED_OFF,
            "the forum allows no subscriptions",
            state(1),
            "student",
            sql=never.format(3),
        ),
        Probe(
            subscribe,
            SWITCHED_OFF,
            "the forum subscribes everybody",
            state(0),
            "student",
            sql=never.format(1),
        ),
        Probe(
            subscribe,
            OUTSIDER,
            "the site's administrator",
            state(1),
            sql=never.format(0),
        ),
        Probe(delete, AGAIN, "", {"postid": own}, "student"),
    ]


async def polls(place: Place) -> list[Probe]:
    """Choices and the exceptions of a quiz."""
    vote, override = "mod_choice_submit_choice_response", "mod_quiz_save_overrides"
    quiz = place.modules["quiz"][0]["instance"]
    choice = place.modules["choice"][0]["instance"]
    found = await place.make("mod_choice_get_choice_options", {"choiceid": choice}, "student")
    first, second, *_ = [option["id"] for option in found["options"]]

    def voted(*options: int, of: int = choice) -> dict[str, Any]:
        return {"choiceid": of, "responses": [*options]}

    def excepted(user: int = place.other, of: int = quiz, **values: Any) -> dict[str, Any]:
        return {"data": {"quizid": of, "overrides": [{"userid": user, **values}]}}

    group = {"groupid": UNKNOWN, "timelimit": 60}
    closed = f"update mdl_choice set {{}} where id = {choice}"
    return [
        Probe(vote, NO_SUCH_ID, "a choice", voted(first, of=UNKNOWN), "student"),
        Probe(vote, NO_SUCH_ID, "an option", voted(UNKNOWN), "student"),
        Probe(
            vote, OUT_OF_RANGE, "two options where one is allowed", voted(first, second), "student"
        ),
        Probe(vote, OUT_OF_RANGE, "no option", voted(), "student"),
        Probe(vote, OUTSIDER, "the site's administrator", voted(first)),
        Probe(vote, AGAIN, "", voted(first), "student"),
        Probe(
            vote,
            SWITCHED_OFF,
            "votes may not be changed",
            voted(second),
            "student",
            sql=closed.format("allowupdate = 0"),
        ),
        Probe(
            vote,
            SWITCHED_OFF,
            "the choice is closed",
            voted(second),
            "student",
            sql=closed.format("allowupdate = 1, timeclose = 5"),
        ),
        Probe(override, NO_SUCH_ID, "a quiz", excepted(of=UNKNOWN, timelimit=60), "teacher"),
        Probe(override, NO_SUCH_ID, "a user", excepted(UNKNOWN, timelimit=60), "teacher"),
        Probe(
            override,
            NO_SUCH_ID,
            "a group",
            {"data": {"quizid": quiz, "overrides": [group]}},
            "teacher",
        ),
        Probe(override, NO_SUCH_ID, "an override", excepted(id=UNKNOWN, timelimit=60), "teacher"),
        Probe(override, OUTSIDER, "", excepted(place.outsider, timelimit=60), "teacher"),
        Probe(override, OUTSIDER, "a teacher", excepted(place.teacher, timelimit=60), "teacher"),
        Probe(override, OUT_OF_RANGE, "timelimit -5", excepted(timelimit=-5), "teacher"),
        Probe(override, OUT_OF_RANGE, "attempts 999", excepted(attempts=999), "teacher"),
        Probe(
            override,
            OUT_OF_RANGE,
            "closing before opening",
            excepted(timeopen=9, timeclose=5),
            "teacher",
        ),
        Probe(override, OUT_OF_RANGE, "nothing differs", excepted(), "teacher"),
        Probe(override, AGAIN, "", excepted(place.student, timelimit=77), "teacher"),
    ]


SETS: Final = (forums, polls)
