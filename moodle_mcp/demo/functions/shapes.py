"""Parts of answers that several functions share."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from moodle_mcp.demo.call import Answer, Call
from moodle_mcp.demo.records import StoredFile, User

_WHEN_SET: Final = (
    "address", "phone1", "phone2", "institution", "idnumber", "city", "country",
)  # fmt: skip


def file_answer(call: Call, file: StoredFile) -> Answer:
    """Format a file like Moodle's `external_files`."""
    return {
        "filename": file.filename,
        "filepath": file.filepath,
        "filesize": len(file.content),
        "fileurl": f"{call.wwwroot}/webservice/pluginfile.php{quote(file.path)}?forcedownload=1",
        "timemodified": file.created,
        "mimetype": file.mimetype,
        "isexternalfile": False,
    }


def user_answer(call: Call, user: User, *, account: bool) -> Answer:
    """Format a user's details; `account` adds those that only core_user's functions return.

    Moodle omits most empty fields.
    """
    answer: Answer = {
        "id": user.id,
        "username": user.username,
        "firstname": user.firstname,
        "lastname": user.lastname,
        "fullname": user.fullname,
        "email": user.email,
        "department": user.department,
        "firstaccess": user.firstaccess,
        "lastaccess": user.lastaccess,
    }
    if account:
        answer |= {
            "auth": user.auth,
            "suspended": user.suspended,
            "confirmed": True,
            "lang": user.lang,
            "theme": user.theme,
            "timezone": user.timezone,
            "mailformat": user.mailformat,
            "trackforums": 0,
        }
    for name in _WHEN_SET:
        if value := getattr(user, name):
            answer[name] = value
    if user.description:
        answer |= {"description": user.description, "descriptionformat": 1}
    return answer | {
        "profileimageurlsmall": call.picture("f2"),
        "profileimageurl": call.picture(),
    }
