"""The invented college that a demo site starts with: always the same for the same `now`."""

from __future__ import annotations

from typing import Final, NamedTuple

from moodle_mcp.demo.people import PLACES, STUDENT_NAMES
from moodle_mcp.demo.records import (
    EDITING_TEACHER,
    SITE_COURSE,
    STUDENT,
    TEACHER,
    Category,
    Cohort,
    Course,
    Discussion,
    Enrolment,
    Event,
    Grade,
    GradeItem,
    Group,
    Grouping,
    Message,
    Module,
    Note,
    Section,
    StoredFile,
    Submission,
    User,
    module_context,
)
from moodle_mcp.demo.tokens import DEMO_PASSWORD
from moodle_mcp.demo.world import World

SITE_NAME: Final = "Fjordside College"
ADMIN_ID: Final = 2
TEACHER_ID: Final = 3
FIRST_STUDENT_ID: Final = 4
STUDENTS: Final = 55

_DAY: Final = 86_400
_HOUR: Final = 3_600

_CATEGORIES: Final = (
    ("Natural sciences", 0, "NAT"), ("Biology", 1, "NAT-BIO"), ("Physics", 1, "NAT-PHY"),
    ("Humanities", 0, "HUM"), ("History", 4, "HUM-HIS"), ("Staff training", 0, "STAFF"),
)  # fmt: skip


_STAFF_ONLY: Final = 6


class _Plan(NamedTuple):
    """A course, its teacher and students; `topics` names its sections."""

    shortname: str
    fullname: str
    category: int
    teacher: int
    topics: tuple[str, ...] = ()
    visible: int = 1


_TEACHERS: Final = (TEACHER_ID, 59, 60)
_COURSES: Final = (
    _Plan("BIO101", "Introduction to Biology", 2, 0, ("Cells", "Genetics", "Ecology")),
    _Plan("BIO210", "Molecular Biology Laboratory", 2, 0, ("DNA", "Proteins")),
    _Plan("PHY101", "Mechanics", 3, 0, ("Motion", "Forces", "Energy")),
    _Plan("PHY120", "Waves & Optics", 3, 0, ("Waves", "Light")),
    _Plan("HIS101", "Europe since 1789", 5, 0, ("Revolutions", "Industry", "Two wars")),
    _Plan("HIS230", "History of the Silk Road", 5, 1, ("Caravans", "Ports")),
    _Plan("LIT115", "Världslitteratur", 4, 1),
    _Plan("PHI100", "Logic and Argument", 4, 1),
    _Plan("MAT101", "Calculus I", 1, 1),
    _Plan("CHE101", "General Chemistry", 1, 2),
    _Plan("STF001", "Teaching Online", 6, 2),
    _Plan("STF900", "Exam Regulations (draft)", 6, 2, visible=0),
)


def seeded_world(now: int, students: int = STUDENTS) -> World:
    """Create the college at a time in Unix seconds; students beyond the default have no course."""
    world = World(now)
    _people(world, students)
    _categories(world)
    _courses(world)
    _groups(world)
    _work(world)
    _talk(world)
    return world


def _people(world: World, students: int) -> None:
    staff = (
        ("admin", "Admin", "User", ADMIN_ID, "admin"),
        ("teacher1", "Полина", "Новикова", TEACHER_ID, ""),
        ("teacher2", "Marcus", "Adebayo", 59, ""),
        ("teacher3", "Ingrid", "Sørensen", 60, ""),
        ("manager1", "Beatriz", "Álvarez", 61, "manager"),
    )
    people = [
        User(
            user_id, username, firstname, lastname, f"{username}@college.example", DEMO_PASSWORD,
            city="Bergen", country="NO", department="Staff", system_role=role,
            firstaccess=world.now - 300 * _DAY, lastaccess=world.now - user_id * 60,
        )
        for username, firstname, lastname, user_id, role in staff
    ]  # fmt: skip
    people += [_student(world.now, number) for number in range(students)]
    for user in sorted(people, key=lambda user: user.id):
        world.users[user.id] = user


def _student(now: int, number: int) -> User:
    firstname, lastname = STUDENT_NAMES[number % len(STUDENT_NAMES)]
    city, country = PLACES[number % len(PLACES)]
    username = f"student{number + 1}"
    # The staff's ids follow those of the default students.
    user_id = FIRST_STUDENT_ID + number + (0 if number < STUDENTS else 3)
    return User(
        user_id, username, firstname, lastname, f"{username}@college.example", DEMO_PASSWORD,
        idnumber=f"S{number + 1:05}", city=city, country=country,
        department=("Biology", "Physics", "History")[number % 3],
        firstaccess=now - 60 * _DAY, lastaccess=now - number * 7 * _HOUR,
    )  # fmt: skip


def _categories(world: World) -> None:
    for category_id, (name, parent, idnumber) in enumerate(_CATEGORIES, 1):
        world.categories[category_id] = Category(
            category_id, name, parent, idnumber, timemodified=world.now - 400 * _DAY
        )


def _courses(world: World) -> None:
    start = world.now - world.now % _DAY - 28 * _DAY
    site = Course(SITE_COURSE, "fjordside", SITE_NAME, 0, start, start, 0, format="site")
    world.courses[SITE_COURSE] = site
    for course_id, plan in enumerate(_COURSES, SITE_COURSE + 1):
        world.courses[course_id] = Course(
            course_id, plan.shortname, plan.fullname, plan.category, start - 60 * _DAY,
            start - 30 * _DAY, start, start + 120 * _DAY, f"2024-{plan.shortname}",
            f"<p>{plan.fullname}: lectures, exercises and a final project.</p>",
            visible=plan.visible,
        )  # fmt: skip
        _sections(world, course_id, plan, start)
        _enrol(world, course_id, plan, start)


def _enrol(world: World, course_id: int, plan: _Plan, start: int) -> None:
    people = {_TEACHERS[plan.teacher]: EDITING_TEACHER}
    if course_id % 3 == 0:
        people[_TEACHERS[(plan.teacher + 1) % 3]] = TEACHER
    for number in range(STUDENTS):
        user_id = FIRST_STUDENT_ID + number
        if user_id in world.users and plan.category != _STAFF_ONLY and _takes(number, course_id):
            people.setdefault(user_id, STUDENT)
    for user_id, role in sorted(people.items()):
        world.enrolments[course_id, user_id] = Enrolment(course_id, user_id, (role,), start)


def _takes(number: int, course_id: int) -> bool:
    """Whether a student takes a course: two large first-year courses, a mixture in the others."""
    if course_id <= 3:
        return number < (30 if course_id == 2 else 16)
    return (number + course_id) % 5 in (2, 3)


def _sections(world: World, course_id: int, plan: _Plan, start: int) -> None:
    general = world.sections.next_id()
    world.sections[general] = Section(general, course_id, 0, "General")
    total = world.grade_items.next_id()
    world.grade_items[total] = GradeItem(total, course_id)
    forum = _module(world, course_id, general, "forum", "Announcements", start)
    _discuss(
        world, forum, "Welcome", f"<p>Welcome to {plan.fullname}.</p>", _TEACHERS[plan.teacher]
    )
    if plan.topics:
        page = _module(world, course_id, general, "page", "How this course works", start)
        _file(world, page, "content", "index.html", b"<p>Two hours a week.</p>", "text/html")
    for number, topic in enumerate(plan.topics, 1):
        section = world.sections.next_id()
        summary = f"<p>Everything about {topic.lower()}.</p>"
        world.sections[section] = Section(section, course_id, number, topic, summary)
        _topic(world, course_id, section, number, topic)


def _topic(world: World, course_id: int, section: int, number: int, topic: str) -> None:
    start = world.courses[course_id].startdate
    # Of three topics the first is over, the second is due soon, the third later.
    due = world.now - world.now % _HOUR + (number * 10 - 15) * _DAY + course_id * 6 * _HOUR
    reading = _module(world, course_id, section, "resource", f"Reading: {topic}", start)
    text = f"{topic}: read chapter {number} and answer its questions.\n".encode()
    _file(world, reading, "content", f"chapter{number}.txt", text, "text/plain")
    assign = _module(
        world, course_id, section, "assign", f"Report on {topic.lower()}", start, duedate=due
    )
    _due_event(world, assign, "due")
    if number == 1:
        quiz = _module(
            world, course_id, section, "quiz", f"Quiz: {topic}", start, duedate=due + 2 * _DAY
        )
        _due_event(world, quiz, "close")
    elif number == 2:
        _module(
            world, course_id, section, "url", f"More on {topic.lower()}", start,
            url=f"https://example.org/{topic.lower().replace(' ', '-')}",
        )  # fmt: skip


def _module(
    world: World,
    course_id: int,
    section: int,
    modname: str,
    name: str,
    added: int,
    *,
    duedate: int = 0,
    url: str = "",
) -> Module:
    cmid = world.modules.next_id()
    instance = 1 + sum(module.modname == modname for module in world.modules.values())
    grade = {"assign": 100, "quiz": 10}.get(modname, 0)
    completion = {"assign": 2, "quiz": 2, "page": 1, "resource": 1}.get(modname, 0)
    module = Module(
        cmid, course_id, section, modname, instance, name, added,
        f"<p>{name}.</p>", duedate, grade, url, completion=completion,
    )  # fmt: skip
    world.modules[cmid] = module
    if grade:
        item = world.grade_items.next_id()
        world.grade_items[item] = GradeItem(item, course_id, cmid, grade)
    return module


def _due_event(world: World, module: Module, eventtype: str) -> None:
    event_id = world.events.next_id()
    verb = "is due" if eventtype == "due" else "closes"
    world.events[event_id] = Event(
        event_id, f"{module.name} {verb}", eventtype, module.duedate, module.added,
        course=module.course, module=module.id, description=module.intro,
    )  # fmt: skip


def _file(
    world: World, module: Module, area: str, filename: str, content: bytes, mimetype: str
) -> None:
    file_id = world.files.next_id()
    world.files[file_id] = StoredFile(
        file_id, module_context(module.id), f"mod_{module.modname}", area, 0, filename, content,
        mimetype, TEACHER_ID, module.added,
    )  # fmt: skip


def _discuss(world: World, forum: Module, subject: str, message: str, user_id: int) -> None:
    discussion_id = world.discussions.next_id()
    world.discussions[discussion_id] = Discussion(
        discussion_id, forum.instance, forum.course, subject, message, user_id,
        forum.added + discussion_id * _HOUR,
    )  # fmt: skip


def _groups(world: World) -> None:
    for course_id in (2, 4):
        students = [each.user for each in world.enrolled(course_id) if STUDENT in each.roles]
        made: list[int] = []
        for number, letter in enumerate("AB"):
            group_id = world.groups.next_id()
            made.append(group_id)
            world.groups[group_id] = Group(
                group_id, course_id, f"Lab group {letter}", f"<p>Meets in lab {number + 1}.</p>",
                idnumber=f"LAB-{course_id}{letter}", members=tuple(students[number:12:2]),
            )  # fmt: skip
        grouping = world.groupings.next_id()
        world.groupings[grouping] = Grouping(grouping, course_id, "Lab groups", tuple(made))
    students = [user.id for user in world.users.values() if user.username.startswith("student")]
    world.cohorts[1] = Cohort(1, "First-year students", "first-year", members=tuple(students[:20]))
    world.cohorts[2] = Cohort(
        2, "Exchange students", "exchange", category=1, members=tuple(students[5:50:9])
    )


def _work(world: World) -> None:
    """Create submissions, grades and completions for activities that are over."""
    for module in list(world.modules.values()):
        item = world.item_of(module.id)
        if item is None or module.duedate > world.now:
            continue
        students = [each for each in world.enrolled(module.course) if STUDENT in each.roles]
        for number, enrolment in enumerate(students):
            if number % 5 != 4:
                _hand_in(world, module, item, enrolment.user, number)


def _hand_in(world: World, module: Module, item: GradeItem, user_id: int, number: int) -> None:
    when = module.duedate - (number % 9 + 1) * 5 * _HOUR
    world.completions[module.id, user_id] = when
    if module.modname == "assign":
        submission = world.submissions.next_id()
        world.submissions[submission] = Submission(
            submission, module.instance, user_id, f"<p>{module.name}: my findings.</p>", when,
            "draft" if number % 7 == 6 else "submitted",
        )  # fmt: skip
        if number % 3 == 2:
            return
    grade_id = world.grades.next_id()
    value = item.grademax * (55 + number * 7 % 45) / 100
    graded = module.duedate + 2 * _DAY
    world.grades[grade_id] = Grade(
        grade_id, item.id, user_id, value, TEACHER_ID, graded, graded, "<p>Clearly written.</p>"
    )


def _talk(world: World) -> None:
    world.messages[1] = Message(
        1, TEACHER_ID, FIRST_STUDENT_ID, 1, "Your lab report was good.", 2, world.now - 3 * _DAY
    )
    world.messages[2] = Message(
        2, FIRST_STUDENT_ID, TEACHER_ID, 1, "Thank you!", 2, world.now - 3 * _DAY + 900
    )
    world.notes[1] = Note(
        1, FIRST_STUDENT_ID + 1, 2, "public", "Asked for more time.", 2, TEACHER_ID,
        world.now - 5 * _DAY,
    )  # fmt: skip
    forum = world.modules_of(2, "forum")[0]
    _discuss(world, forum, "Room change", "<p>The laboratory moves to room 2.14.</p>", TEACHER_ID)
    _discuss(world, forum, "Anyone for a study group?", "<p>Thursdays?</p>", FIRST_STUDENT_ID)
    event_id = world.events.next_id()
    world.events[event_id] = Event(
        event_id, "Open day", "site", world.now + 12 * _DAY, world.now, ADMIN_ID, SITE_COURSE,
        timeduration=4 * _HOUR,
    )  # fmt: skip
