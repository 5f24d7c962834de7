"""core_course: the contents of a course."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from moodle_mcp.demo.call import Answer, Call, Params, named_options
from moodle_mcp.demo.errors import (
    missing_module,
    moodle_error,
)
from moodle_mcp.demo.functions.shapes import file_answer
from moodle_mcp.demo.records import Module, Section, StoredFile, module_context

_MODULE_IDS: Final = ("assign", "page", "quiz", "forum", "resource", "url")
_PURPOSES: Final[Mapping[str, str]] = {
    "assign": "assessment",
    "quiz": "assessment",
    "forum": "collaboration",
}
_PLURALS: Final[Mapping[str, str]] = {
    "assign": "Assignments",
    "forum": "Forums",
    "page": "Pages",
    "quiz": "Quizzes",
    "resource": "Files",
    "url": "URLs",
}
_CONTENT_OPTIONS: Final = frozenset(
    {
        "excludemodules", "excludecontents", "includestealthmodules", "sectionid",
        "sectionnumber", "cmid", "modname", "modid",
    }
)  # fmt: skip


def get_contents(call: Call, params: Params) -> list[Answer]:
    """core_course_get_contents."""
    course = call.course(params["courseid"])
    options = named_options(params["options"])
    for name in options:
        if name not in _CONTENT_OPTIONS:
            raise moodle_error("errorinvalidparam", f'The param "{name}" is invalid.')
    return [
        _section(call, section, options)
        for section in call.world.sections.values()
        if section.course == course.id
        and options.get("sectionid", str(section.id)) == str(section.id)
        and options.get("sectionnumber", str(section.number)) == str(section.number)
    ]


def get_course_module_by_instance(call: Call, params: Params) -> Answer:
    """core_course_get_course_module_by_instance."""
    module = call.world.module_of(params["module"], params["instance"])
    if module is None:
        raise missing_module(params["instance"])
    return get_course_module(call, {"cmid": module.id})


def get_course_module(call: Call, params: Params) -> Answer:
    """core_course_get_course_module."""
    module = call.world.modules.get(params["cmid"])
    if module is None:
        raise missing_module(params["cmid"])
    call.course(module.course)
    section = call.world.sections[module.section]
    answer: Answer = {
        "id": module.id,
        "course": module.course,
        "module": _MODULE_IDS.index(module.modname) + 1,
        "name": module.name,
        "modname": module.modname,
        "instance": module.instance,
        "section": module.section,
        "sectionnum": section.number,
        "groupmode": 0,
        "groupingid": 0,
        "completion": module.completion,
    }
    if call.edits(module.course):
        answer |= {
            "idnumber": "",
            "added": module.added,
            "score": 0,
            "indent": 0,
            "visible": module.visible,
            "visibleoncoursepage": 1,
            "visibleold": module.visible,
            "completiongradeitemnumber": None,
            "completionpassgrade": 0,
            "completionview": 0,
            "completionexpected": 0,
            "showdescription": 0,
            "downloadcontent": 1,
            "availability": None,
        }
    if module.grade:
        answer |= {"grade": module.grade, "gradepass": "0.00", "gradecat": module.course}
    if module.modname == "assign":
        answer["advancedgrading"] = [{"area": "submissions", "method": None}]
    return {"cm": answer, "warnings": []}


def _section(call: Call, section: Section, options: dict[str, str]) -> Answer:
    modules: list[Answer] = []
    if options.get("excludemodules") != "1":
        modules = [_module(call, module, options) for module in _shown(call, section, options)]
    return {
        "id": section.id,
        "name": section.name,
        "visible": 1,
        "summary": section.summary,
        "summaryformat": 1,
        "section": section.number,
        "hiddenbynumsections": 0,
        "uservisible": True,
        "component": None,
        "itemid": None,
        "modules": modules,
    }


def _shown(call: Call, section: Section, options: dict[str, str]) -> Iterator[Module]:
    for module in call.world.modules_of(section.course):
        wanted = (
            options.get("cmid", str(module.id)) == str(module.id)
            and options.get("modname", module.modname) == module.modname
            and options.get("modid", str(module.instance)) == str(module.instance)
        )
        if module.section == section.id and wanted and call.sees(module):
            yield module


def _module(call: Call, module: Module, options: dict[str, str]) -> Answer:
    custom = {"duedate": module.duedate} if module.modname == "assign" else ""
    answer: Answer = {
        "id": module.id,
        "url": f"{call.wwwroot}/mod/{module.modname}/view.php?id={module.id}",
        "name": module.name,
        "instance": module.instance,
        "contextid": module_context(module.id),
        "visible": module.visible,
        "uservisible": True,
        "visibleoncoursepage": 1,
        "modicon": call.image(module.modname, "monologo?filtericon=1"),
        "modname": module.modname,
        "purpose": _PURPOSES.get(module.modname, "content"),
        "branded": False,
        "modplural": _PLURALS[module.modname],
        "availability": None,
        "indent": 0,
        "onclick": "",
        "afterlink": None,
        "customdata": json.dumps(custom),
        "noviewlink": False,
        "completion": module.completion,
        "downloadcontent": 1,
        "dates": _dates(module),
        "groupmode": 0,
    }
    if module.modname in ("forum", "resource"):
        # PHP has one empty array: this empty object arrives as [].
        answer["activitybadge"] = {}
    if module.completion:
        answer["completiondata"] = _completion(call, module)
    if module.modname in ("page", "resource", "url") and options.get("excludecontents") != "1":
        answer |= _contents(call, module)
    return answer


def _dates(module: Module) -> list[Answer]:
    if not module.duedate:
        return []
    label, data_id = ("Due:", "duedate") if module.modname == "assign" else ("Closes:", "timeclose")
    return [{"label": label, "timestamp": module.duedate, "dataid": data_id}]


def _completion(call: Call, module: Module) -> Answer:
    when = call.world.completions.get((module.id, call.user.id), 0)
    return {
        "state": int(bool(when)),
        "timecompleted": when,
        "overrideby": None,
        "valueused": False,
        "hascompletion": True,
        "isautomatic": module.completion > 1,
        "istrackeduser": not call.teaches(module.course),
        "uservisible": True,
        "details": [],
        "isoverallcomplete": bool(when),
    }


def _contents(call: Call, module: Module) -> Answer:
    context = module_context(module.id)
    files = [each for each in call.world.files.values() if each.context == context]
    contents = [_content(call, each) for each in files]
    if module.modname == "url":
        contents = [_link(module)]
    sizes = [len(each.content) for each in files]
    return {
        "contents": contents,
        "contentsinfo": {
            "filescount": len(contents),
            "filessize": sum(sizes),
            "lastmodified": module.added,
            "mimetypes": [each.mimetype for each in files],
            "repositorytype": "",
        },
    }


def _content(call: Call, file: StoredFile) -> Answer:
    return {
        "type": "file",
        "sortorder": 1,
        "userid": None,
        "author": None,
        "license": None,
        "timecreated": file.created,
        **file_answer(call, file),
    }


def _link(module: Module) -> Answer:
    return {
        "type": "url",
        "filename": module.name,
        "filepath": None,
        "filesize": 0,
        "fileurl": module.url,
        "timecreated": None,
        "timemodified": module.added,
        "sortorder": None,
        "userid": None,
        "author": None,
        "license": None,
    }
