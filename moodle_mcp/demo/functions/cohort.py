"""core_cohort: site-wide lists of users."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from moodle_mcp.demo.call import Answer, Call, Params, option
from moodle_mcp.demo.errors import invalid_parameter, missing_record
from moodle_mcp.demo.records import Cohort, User

_VIEW: Final = "View site-wide cohorts"
_MANAGE: Final = "Create, delete and move cohorts"


def get_cohorts(call: Call, params: Params) -> list[Answer]:
    """core_cohort_get_cohorts."""
    call.require_staff(_VIEW)
    wanted = params["cohortids"] or list(call.world.cohorts)
    return [_cohort(_existing(call, cohort_id)) for cohort_id in wanted]


def create_cohorts(call: Call, params: Params) -> list[Answer]:
    """core_cohort_create_cohorts."""
    created: list[Answer] = []
    for item in params["cohorts"]:
        category = _category(call, item["categorytype"])
        call.require_staff(_MANAGE)
        if any(each.idnumber == item["idnumber"] for each in call.world.cohorts.values()):
            raise invalid_parameter(f"record already exists: idnumber={item['idnumber']}")
        cohort_id = call.world.cohorts.next_id()
        cohort = Cohort(
            cohort_id,
            item["name"],
            item["idnumber"],
            category,
            item.get("description") or "",
            option(item, "descriptionformat", 1),
            option(item, "visible", usual=True),
        )
        call.world.cohorts[cohort_id] = cohort
        created.append(_cohort(cohort))
    return created


def add_cohort_members(call: Call, params: Params) -> Answer:
    """core_cohort_add_cohort_members."""
    warnings: list[Answer] = []
    for item in params["members"]:
        cohort_key, user_key = item["cohorttype"], item["usertype"]
        cohort, user = _find_cohort(call, cohort_key), _find_user(call, user_key)
        if cohort is None:
            warnings.append(_warning("1", f"cohort {_named(cohort_key)} not exists"))
        elif user is None:
            warnings.append(_warning("2", f"user {_named(user_key)} not exists"))
        elif user.id in cohort.members:
            both = f"cohort({_named(cohort_key)} {_named(user_key)})"
            warnings.append(_warning("3", f"record already exists: {both}"))
        else:
            call.require_staff("Add and remove cohort members")
            call.world.cohorts[cohort.id] = replace(cohort, members=(*cohort.members, user.id))
    return {"warnings": warnings}


def delete_cohort_members(call: Call, params: Params) -> None:
    """core_cohort_delete_cohort_members: somebody who is not in the cohort is no error."""
    for item in params["members"]:
        cohort, user = _existing(call, item["cohortid"]), call.existing_user(item["userid"])
        call.require_staff("Add and remove cohort members")
        members = tuple(each for each in cohort.members if each != user.id)
        call.world.cohorts[cohort.id] = replace(cohort, members=members)


def get_cohort_members(call: Call, params: Params) -> list[Answer]:
    """core_cohort_get_cohort_members."""
    cohorts = [_existing(call, cohort_id) for cohort_id in params["cohortids"]]
    call.require_staff(_VIEW)
    return [{"cohortid": cohort.id, "userids": list(cohort.members)} for cohort in cohorts]


def _existing(call: Call, cohort_id: int) -> Cohort:
    cohort = call.world.cohorts.get(cohort_id)
    if cohort is None:
        raise missing_record("cohort", cohort_id)
    return cohort


def _category(call: Call, key: Params) -> int:
    match key["type"]:
        case "system":
            return 0
        case "id":
            found = [each for each in call.world.categories.values() if _is(each.id, key)]
        case "idnumber":
            found = [each for each in call.world.categories.values() if _is(each.idnumber, key)]
        case _:
            raise invalid_parameter(f"category type not valid: {key['type']}")
    if not found:
        raise invalid_parameter(f"category not exists: {_named(key)}")
    return found[0].id


def _find_cohort(call: Call, key: Params) -> Cohort | None:
    if key["type"] not in ("id", "idnumber"):
        return None
    cohorts = call.world.cohorts.values()
    return next((each for each in cohorts if _is(getattr(each, key["type"]), key)), None)


def _find_user(call: Call, key: Params) -> User | None:
    if key["type"] not in ("id", "username"):
        return None
    users = call.world.people()
    return next((each for each in users if _is(getattr(each, key["type"]), key)), None)


def _is(value: int | str, key: Params) -> bool:
    return str(value) == key["value"]


def _named(key: Params) -> str:
    return f"{key['type']}={key['value']}"


def _warning(code: str, message: str) -> Answer:
    return {"warningcode": code, "message": message}


def _cohort(cohort: Cohort) -> Answer:
    return {
        "id": cohort.id,
        "name": cohort.name,
        "idnumber": cohort.idnumber,
        "description": cohort.description,
        "descriptionformat": cohort.descriptionformat,
        "visible": cohort.visible,
        "theme": cohort.theme,
    }
