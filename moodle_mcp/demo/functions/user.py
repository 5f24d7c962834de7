"""core_user: accounts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from moodle_mcp.catalogue.countries import is_country
from moodle_mcp.demo.call import Answer, Call, Params, option, warning
from moodle_mcp.demo.errors import (
    MoodleError,
    coding_error,
    invalid_parameter,
    moodle_error,
)
from moodle_mcp.demo.functions.shapes import user_answer
from moodle_mcp.demo.records import User

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_EXACT: Final = ("id", "idnumber", "username", "auth")
_LIKE: Final = ("email", "firstname", "lastname")
_TEXTS: Final = (
    "firstname", "lastname", "idnumber", "city", "country", "institution", "department",
    "description", "phone1", "phone2", "address", "lang", "theme", "timezone", "mailformat", "auth",
)  # fmt: skip


def get_users(call: Call, params: Params) -> Answer:
    """core_user_get_users."""
    found = list(call.world.people())
    warnings: list[Answer] = []
    seen: set[str] = set()
    for criterion in params["criteria"]:
        key, value = criterion["key"], criterion["value"]
        if key in seen:
            debuginfo = f"The key {key} can only be sent once"
            raise moodle_error("keyalreadyset", "error/keyalreadyset", debuginfo)
        seen.add(key)
        if key in _EXACT:
            found = [user for user in found if str(getattr(user, key)) == value]
        elif key in _LIKE:
            like = _like(value)
            found = [user for user in found if like(getattr(user, key))]
        else:
            message = (
                f"The search key '{key}' is not supported, look at the web service documentation"
            )
            warnings.append(warning(key, -1, "invalidfieldparameter", message))
    users = [user_answer(call, user, account=True) for user in found if call.knows(user)]
    return {"users": users, "warnings": warnings}


def get_users_by_field(call: Call, params: Params) -> list[Answer]:
    """core_user_get_users_by_field."""
    field, values = params["field"], params["values"]
    if field not in ("id", "idnumber", "username", "email"):
        raise coding_error(
            "invalid field parameter",
            f"The search field '{field}' is not supported, look at the web service documentation",
        )
    for value in values:
        # One value that Moodle would clean fails the call.
        if value != value.strip() or (field == "id" and not value.isdecimal()):
            raise invalid_parameter(f"The field '{field}' value is invalid: {value}")
    compared = str if call.exact_case else str.casefold
    wanted = {compared(value) for value in values}
    return [
        user_answer(call, user, account=True)
        for user in call.world.people()
        if compared(str(getattr(user, field))) in wanted and call.knows(user)
    ]


def create_users(call: Call, params: Params) -> list[Answer]:
    """core_user_create_users."""
    call.require_staff("Create users")
    created: list[Answer] = []
    for item in params["users"]:
        for name in ("username", "firstname", "lastname"):
            if not item[name].strip():
                raise invalid_parameter(f"The field {name} cannot be blank")
        if call.world.user_named(item["username"]):
            raise invalid_parameter(f"Username already exists: {item['username']}")
        if not item["lang"]:
            raise invalid_parameter("Invalid language code: ")
        password = item.get("password") or ""
        if not password and not item.get("createpassword"):
            raise invalid_parameter(
                "Invalid password: you must provide a password, or set createpassword."
            )
        _check_email(call, item["email"], None)
        if password:
            _check_password(password)
        user_id = call.world.users.next_id()
        user = User(
            user_id, item["username"], item["firstname"], item["lastname"], item["email"], password
        )
        call.world.users[user_id] = _changed(user, item)
        created.append({"id": user_id, "username": user.username})
    return created


def update_users(call: Call, params: Params) -> Answer:
    """core_user_update_users."""
    call.require_staff("Update users")
    warnings: list[Answer] = []
    for item in params["users"]:
        user = call.world.user(item["id"])
        if user is None:
            warnings.append(warning("user", item["id"], "invaliduserid", "Invalid user ID"))
            continue
        if user.system_role == "admin" and call.user.system_role != "admin":
            message = "Cannot update admin accounts"
            warnings.append(warning("user", item["id"], "usernotupdatedadmin", message))
            continue
        try:
            call.world.users[user.id] = _updated(call, user, item)
        except MoodleError as error:
            warnings.append(warning("user", item["id"], error.errorcode, error.message))
    return {"warnings": warnings}


def delete_users(call: Call, params: Params) -> None:
    """core_user_delete_users."""
    call.require_staff("Delete users")
    for user_id in params["userids"]:
        user = call.existing_user(user_id)
        if user.system_role == "admin":
            raise moodle_error("useradminodelete", "Admin accounts cannot be deleted")
        if user.id == call.user.id:
            raise moodle_error("usernotdeletederror", "User was not deleted")
        _delete(call, user)


def _like(pattern: str) -> Callable[[str], bool]:
    """Match like SQL's LIKE, ignoring case: `%` is any text."""
    parts = [re.escape(part) for part in pattern.split("%")]
    compiled = re.compile(".*".join(parts), re.IGNORECASE | re.DOTALL)
    return lambda text: bool(compiled.fullmatch(text))


def _check_email(call: Call, email: str, user_id: int | None) -> None:
    if not _EMAIL.fullmatch(email):
        raise invalid_parameter(f"Email address is invalid: {email}")
    for user in call.world.people():
        if user.id != user_id and user.email.casefold() == email.casefold():
            raise invalid_parameter(f"Email address already exists: {email}")


def _check_password(password: str) -> None:
    faults = [
        (len(password) < 8, "Passwords must be at least 8 characters long."),
        (not re.search(r"\d", password), "Passwords must have at least 1 digit(s)."),
        (not re.search(r"[a-z]", password), "Passwords must have at least 1 lower case letter(s)."),
        (not re.search(r"[A-Z]", password), "Passwords must have at least 1 upper case letter(s)."),
        (
            password.isalnum(),
            "The password must have at least 1 special character(s) such as *, -, or #.",
        ),
    ]
    html = "".join(f"<div>{text}</div>" for failed, text in faults if failed)
    if html:
        # Moodle throws these sentences as the errorcode, and finds no message of that name.
        raise moodle_error(html, f"error/{html}")


def _changed(user: User, item: Params) -> User:
    changes: dict[str, Any] = {name: item[name] for name in _TEXTS if item.get(name) is not None}
    if "country" in changes and not is_country(changes["country"]):
        # Moodle silently stores none instead.
        changes["country"] = ""
    return replace(user, **changes)


def _updated(call: Call, user: User, item: Params) -> User:
    username = option(item, "username", user.username)
    other = call.world.user_named(username)
    if other is not None and other.id != user.id:
        raise invalid_parameter(f"Username already exists: {username}")
    email = option(item, "email", user.email)
    if email != user.email:
        _check_email(call, email, user.id)
    password = item.get("password") or user.password
    if password != user.password:
        _check_password(password)
    suspended = option(item, "suspended", user.suspended)
    user = replace(user, username=username, email=email, password=password, suspended=suspended)
    return _changed(user, item)


def _delete(call: Call, user: User) -> None:
    world = call.world
    world.users[user.id] = replace(user, deleted=True, username=f"{user.email}.{call.now}")
    for pair in [key for key in world.enrolments if key[1] == user.id]:
        del world.enrolments[pair]
    for group in list(world.groups.values()):
        members = tuple(each for each in group.members if each != user.id)
        world.groups[group.id] = replace(group, members=members)
    for cohort in list(world.cohorts.values()):
        members = tuple(each for each in cohort.members if each != user.id)
        world.cohorts[cohort.id] = replace(cohort, members=members)
