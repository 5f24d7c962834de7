"""Probes of the functions that write courses and groups."""

from __future__ import annotations

from typing import Any, Final

from tools.probes.database import UNKNOWN
from tools.probes.place import Place
from tools.probes.probe import AGAIN, NO_SUCH_ID, OUT_OF_RANGE, OUTSIDER, SWITCHED_OFF, Probe


async def courses(place: Place) -> list[Probe]:
    """Categories and courses."""
    name = place.own.name
    home = place.own.category
    new_category = "core_course_create_categories"
    category = "core_course_update_categories"
    no_category = "core_course_delete_categories"
    create = "core_course_create_courses"
    update = "core_course_update_courses"
    delete = "core_course_delete_courses"
    copy = "core_course_duplicate_course"
    bring = "core_course_import_course"
    no_module = "core_course_delete_modules"

    def course(tail: str, **values: Any) -> dict[str, Any]:
        given = {"fullname": name, "shortname": f"{name}-{tail}", "categoryid": home}
        return {"courses": [{**given, **values}]}

    def changed(**values: Any) -> dict[str, Any]:
        return {"courses": [{"id": place.own.other, **values}]}

    def copied(tail: str, **values: Any) -> dict[str, Any]:
        given = {"courseid": place.own.other, "fullname": name, "shortname": f"{name}-{tail}"}
        return {**given, "categoryid": home, **values}

    def option(option: str, value: str) -> list[dict[str, str]]:
        return [{"name": option, "value": value}]

    gone = (await place.make(create, course("gone")))[0]["id"]
    await place.make(delete, {"courseids": [gone]})
    field = {"shortname": "nosuchfield", "value": "x"}
    setting = {"name": "nosuchsetting", "value": "1"}
    return [
        Probe(
            new_category,
            NO_SUCH_ID,
            "a parent",
            {"categories": [{"name": name, "parent": UNKNOWN}]},
        ),
        Probe(new_category, AGAIN, "", {"categories": [{"name": "twin", "parent": home}]}),
        Probe(category, NO_SUCH_ID, "", {"categories": [{"id": UNKNOWN, "name": name}]}),
        Probe(category, NO_SUCH_ID, "a parent", {"categories": [{"id": home, "parent": UNKNOWN}]}),
        Probe(
            category, OUT_OF_RANGE, "into itself", {"categories": [{"id": home, "parent": home}]}
        ),
        Probe(
            category,
            OUT_OF_RANGE,
            "an empty name",
            {"categories": [{"id": home, "name": ""}]},
        ),
        Probe(update, OUT_OF_RANGE, "a taken short name", changed(shortname=f"{name}-copy")),
        Probe(category, AGAIN, "", {"categories": [{"id": home, "description": "x"}]}),
        Probe(no_category, NO_SUCH_ID, "", {"categories": [{"id": UNKNOWN, "recursive": 1}]}),
        Probe(
            no_category,
            NO_SUCH_ID,
            "a new parent",
            {"categories": [{"id": home, "newparent": UNKNOWN, "recursive": 0}]},
        ),
        Probe(create, NO_SUCH_ID, "a category", course("nowhere", categoryid=UNKNOWN)),
        Probe(create, NO_SUCH_ID, "a custom field", course("field", customfields=[field])),
        Probe(create, NO_SUCH_ID, "a format", course("format", format="nosuchformat")),
        Probe(create, NO_SUCH_ID, "a language", course("lang", lang="xx")),
        Probe(
            create,
            NO_SUCH_ID,
            "a setting of the format",
            course("setting", courseformatoptions=[setting]),
        ),
        Probe(create, OUT_OF_RANGE, "groupmode 9", course("mode", groupmode=9)),
        Probe(create, OUT_OF_RANGE, "visible 9", course("visible", visible=9)),
        Probe(
            create, OUT_OF_RANGE, "an end before the start", course("end", startdate=9, enddate=5)
        ),
        Probe(create, OUT_OF_RANGE, "200 sections", course("many", numsections=200)),
        Probe(create, NO_SUCH_ID, "a default grouping", course("dg", defaultgroupingid=UNKNOWN)),
        Probe(
            create,
            SWITCHED_OFF,
            "a theme where the site allows none",
            course("theme", forcetheme="classic"),
        ),
        Probe(create, AGAIN, "", course("twice")),
        Probe(update, NO_SUCH_ID, "", {"courses": [{"id": UNKNOWN, "fullname": name}]}),
        Probe(update, NO_SUCH_ID, "a category", changed(categoryid=UNKNOWN)),
        Probe(
            update,
            NO_SUCH_ID,
            "a custom field",
            changed(customfields=[field]),
            sql=f"update mdl_course set category = {home}, visible = 1 "
            f"where id = {place.own.other}",
        ),
        Probe(update, NO_SUCH_ID, "a format", changed(format="nosuchformat")),
        Probe(
            update,
            NO_SUCH_ID,
            "a setting of the format",
            changed(format="topics", courseformatoptions=[setting]),
        ),
        Probe(update, NO_SUCH_ID, "a default grouping", changed(defaultgroupingid=UNKNOWN)),
        Probe(update, NO_SUCH_ID, "a language", changed(lang="xx")),
        Probe(update, OUT_OF_RANGE, "groupmode 9", changed(groupmode=9)),
        Probe(update, OUT_OF_RANGE, "visible 9", changed(visible=9)),
        Probe(update, OUT_OF_RANGE, "an end before the start", changed(startdate=9, enddate=5)),
        Probe(update, OUT_OF_RANGE, "an empty full name", changed(fullname="")),
        Probe(update, OUT_OF_RANGE, "numsections 3", changed(numsections=3)),
        Probe(
            update,
            SWITCHED_OFF,
            "a theme where the site allows none",
            changed(forcetheme="classic"),
        ),
        Probe(update, AGAIN, "", changed(summary="x")),
        Probe(delete, NO_SUCH_ID, "", {"courseids": [UNKNOWN]}),
        Probe(delete, AGAIN, "", {"courseids": [gone]}),
        Probe(copy, NO_SUCH_ID, "a course", copied("c1", courseid=UNKNOWN)),
        Probe(copy, NO_SUCH_ID, "a category", copied("c2", categoryid=UNKNOWN)),
        Probe(
            copy,
            OUT_OF_RANGE,
            "enrolments 3",
            copied("c3", options=option("enrolments", "3")),
        ),
        Probe(copy, AGAIN, "", copied("c4", options=option("users", "0"))),
        Probe(bring, NO_SUCH_ID, "a source", {"importfrom": UNKNOWN, "importto": place.own.other}),
        Probe(bring, NO_SUCH_ID, "a target", {"importfrom": place.own.other, "importto": UNKNOWN}),
        Probe(
            bring,
            OUT_OF_RANGE,
            "into itself",
            {"importfrom": place.own.other, "importto": place.own.other},
        ),
        Probe(no_module, NO_SUCH_ID, "", {"cmids": [UNKNOWN]}),
        Probe(no_module, AGAIN, "", {"cmids": [place.modules["label"][0]["id"]]}),
    ]


async def groups(place: Place) -> list[Probe]:
    """Groups and groupings."""
    create, update = "core_group_create_groups", "core_group_update_groups"
    add, remove = "core_group_add_group_members", "core_group_delete_group_members"
    put, take = "core_group_assign_grouping", "core_group_unassign_grouping"
    new_set, change_set = "core_group_create_groupings", "core_group_update_groupings"
    delete, no_set = "core_group_delete_groups", "core_group_delete_groupings"

    def group(name: str, course: int = place.course, **values: Any) -> dict[str, Any]:
        given = {"courseid": course, "name": name, "description": "", **values}
        return {"groups": [given]}

    def grouping(name: str, course: int = place.course) -> dict[str, Any]:
        given = {"courseid": course, "name": name, "description": "", "idnumber": name}
        return {"groupings": [given]}

    one = (await place.make(create, group("one")))[0]["id"]
    elsewhere = (await place.make(create, group("elsewhere", place.own.other)))[0]["id"]
    holder = (await place.make(new_set, grouping("holder")))[0]["id"]

    def member(group: int = one, user: int = place.other) -> dict[str, Any]:
        return {"members": [{"groupid": group, "userid": user}]}

    def pair(key: str, grouping: int = holder, group: int = one) -> dict[str, Any]:
        return {key: [{"groupingid": grouping, "groupid": group}]}

    def changed(**values: Any) -> dict[str, Any]:
        return {"groups": [{"id": one, "name": "one", **values}]}

    return [
        Probe(create, NO_SUCH_ID, "a course", group("x", UNKNOWN)),
        Probe(create, OUT_OF_RANGE, "visibility 9", group("v", visibility=9)),
        Probe(create, AGAIN, "", group("twice")),
        Probe(update, NO_SUCH_ID, "", {"groups": [{"id": UNKNOWN, "name": "x"}]}),
        Probe(update, OUT_OF_RANGE, "visibility 9", changed(visibility=9)),
        Probe(update, AGAIN, "", changed(description="x")),
        Probe(add, NO_SUCH_ID, "a group", member(group=UNKNOWN)),
        Probe(add, NO_SUCH_ID, "a user", member(user=UNKNOWN)),
        Probe(add, OUTSIDER, "", member(user=place.outsider)),
        Probe(add, AGAIN, "", member()),
        Probe(
            update,
            SWITCHED_OFF,
            "another visibility of a group with members",
            changed(visibility=1),
        ),
        Probe(remove, NO_SUCH_ID, "a group", member(group=UNKNOWN)),
        Probe(remove, NO_SUCH_ID, "a user", member(user=UNKNOWN)),
        Probe(remove, OUTSIDER, "", member(user=place.outsider)),
        Probe(remove, AGAIN, "", member()),
        Probe(new_set, NO_SUCH_ID, "a course", grouping("x", UNKNOWN)),
        Probe(new_set, AGAIN, "", grouping("twice")),
        Probe(
            change_set,
            NO_SUCH_ID,
            "",
            {"groupings": [{"id": UNKNOWN, "name": "x", "description": ""}]},
        ),
        Probe(
            change_set,
            AGAIN,
            "",
            {"groupings": [{"id": holder, "name": "held", "description": ""}]},
        ),
        Probe(put, NO_SUCH_ID, "a grouping", pair("assignments", grouping=UNKNOWN)),
        Probe(put, NO_SUCH_ID, "a group", pair("assignments", group=UNKNOWN)),
        Probe(put, OUTSIDER, "a group of another course", pair("assignments", group=elsewhere)),
        Probe(put, AGAIN, "", pair("assignments")),
        Probe(take, NO_SUCH_ID, "a grouping", pair("unassignments", grouping=UNKNOWN)),
        Probe(take, NO_SUCH_ID, "a group", pair("unassignments", group=UNKNOWN)),
        Probe(take, AGAIN, "", pair("unassignments")),
        Probe(delete, NO_SUCH_ID, "", {"groupids": [UNKNOWN]}),
        Probe(no_set, NO_SUCH_ID, "", {"groupingids": [UNKNOWN]}),
        Probe(delete, AGAIN, "", {"groupids": [one]}),
        Probe(no_set, AGAIN, "", {"groupingids": [holder]}),
    ]


SETS: Final = (courses, groups)
