"""From Moodle's exceptions to our kinds of fault.

The errorcode is the stable part: the message is in the site's language. Where an errorcode is not
listed, the exception's class tells enough for a kind. Observed on 4.5.6 unless a line says read.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from moodle_mcp.errors import CallError, Fault, Kind

_MAX_MESSAGE: Final = 500
_TAG = re.compile(r"<[^<>]*>")
IDENTIFIER = re.compile(r"[\w/:-]{1,100}")


class _Meaning(NamedTuple):
    kind: Kind
    hint: str | None = None


_NOT_IN_SITE: Final = _Meaning(
    Kind.NOT_FOUND,
    "The site has no such function: it belongs to another Moodle release, or to a plugin that is "
    "not installed there.",
)

_NOT_ENROLLED: Final = _Meaning(Kind.NO_PERMISSION, "The token's user is not enrolled there.")
_NOT_A_PARTICIPANT: Final = _Meaning(
    Kind.NOT_FOUND,
    "The user is not a participant of this course: core_enrol_get_enrolled_users lists them.",
)
_NOT_TRACKED: Final = _Meaning(
    Kind.NOT_FOUND,
    "Completion is not tracked here in the way that this needs: a teacher sets it up under the "
    "course's Settings and Course completion.",
)
_SWITCHED_OFF: Final = _Meaning(
    Kind.ACCESS_DENIED,
    "The site has this feature switched off: an administrator switches it on, mostly under Site "
    "administration > Advanced features.",
)

UPLOAD_LIMITS: Final = (
    "Use a smaller file. An administrator raises PHP's upload_max_filesize and post_max_size, and "
    "the site's limit under Site administration > Security > Site security settings."
)

# The plugin webservice_restful is there and on, and misses a part of what was sent.
_TAKEN_AWAY: Final = _Meaning(
    Kind.WEB_SERVICES_OFF,
    "The web server, or a proxy before it, keeps a part of the request from PHP: RESTful needs the "
    "Authorization header (Apache with FastCGI: CGIPassAuth On), the Accept and Content-Type "
    "headers, and the path behind server.php. Or the operator sets MOODLE_PROTOCOL to rest.",
)

_CODES: Final[Mapping[str, _Meaning]] = {
    "invalidtoken": _Meaning(Kind.INVALID_TOKEN),
    "accessexception": _Meaning(Kind.ACCESS_DENIED),
    "servicenotavailable": _Meaning(
        Kind.ACCESS_DENIED,
        "The external service does not exist or is disabled: Site administration > Server > Web "
        "services > External services.",
    ),
    "cannotcreatetoken": _Meaning(
        Kind.NO_PERMISSION,
        "The user may not make a token for this service: an administrator grants the capability "
        "moodle/webservice:createtoken (moodle/webservice:createmobiletoken for "
        "moodle_mobile_app), or makes the token under Manage tokens. A site administrator gets "
        "one only there, unless the service is moodle_mobile_app.",
    ),
    "invalidlogin": _Meaning(
        Kind.INVALID_TOKEN,
        "The user name or the password is wrong, or too many attempts have locked the account. "
        "Where people sign in on another page (single sign-on), use `moodle-mcp login --sso`.",
    ),
    "noguest": _Meaning(Kind.ACCOUNT_BLOCKED, "Guests get no token: sign in as another user."),
    "usernotconfirmed": _Meaning(
        Kind.ACCOUNT_BLOCKED,
        "The user has not confirmed the account: the link in the site's message does it, or an "
        "administrator under Site administration > Users > Browse list of users.",
    ),
    "suspended": _Meaning(
        Kind.ACCOUNT_BLOCKED,
        "The user is suspended or has no login: an administrator looks under Site administration "
        "> Users > Browse list of users.",
    ),
    "passwordisexpired": _Meaning(
        Kind.ACCOUNT_BLOCKED, "The user logs in to the site and changes the password."
    ),
    "restoredaccountresetpassword": _Meaning(
        Kind.ACCOUNT_BLOCKED, "The user resets the password on the site's login page first."
    ),
    "missingrequiredcapability": _Meaning(
        Kind.ACCESS_DENIED,
        "The service asks for a capability that the user lacks: an administrator grants it, or "
        "changes the service under External services > Edit.",
    ),
    "usernotallowed": _Meaning(
        Kind.ACCESS_DENIED,
        "The service is for chosen users only: an administrator adds the user under External "
        "services > Authorised users.",
    ),
    "invalidtimedtoken": _Meaning(
        Kind.ACCESS_DENIED,
        "The user's time for this service is over: an administrator changes it under External "
        "services > Authorised users.",
    ),
    "invalidiptoken": _Meaning(
        Kind.ACCESS_DENIED,
        "The user may use this service from other addresses only: an administrator changes it "
        "under External services > Authorised users.",
    ),
    "enablewsdescription": _Meaning(Kind.WEB_SERVICES_OFF),
    "noauthheader": _TAKEN_AWAY,
    "noacceptheader": _TAKEN_AWAY,
    "notypeheader": _TAKEN_AWAY,
    "nowsfunction": _TAKEN_AWAY,
    "sitemaintenance": _Meaning(Kind.MAINTENANCE),
    "upgraderunning": _Meaning(Kind.MAINTENANCE, "The site is being upgraded. Try later."),
    "wsaccessusersuspended": _Meaning(
        Kind.ACCOUNT_BLOCKED,
        "The token's user is suspended: Site administration > Users > Browse list of users > "
        "Activate user account.",
    ),
    "wsaccessusernologin": _Meaning(
        Kind.ACCOUNT_BLOCKED,
        'The token\'s user has the authentication method "No login": an administrator edits the '
        "user and chooses another.",
    ),
    "wsaccessuserdeleted": _Meaning(
        Kind.ACCOUNT_BLOCKED, "The token's user was deleted: make a token for another user."
    ),
    "wsaccessuserunconfirmed": _Meaning(
        Kind.ACCOUNT_BLOCKED,
        "The token's user has not confirmed the account: Site administration > Users > Browse "
        "list of users > Confirm.",
    ),
    "wsaccessuserexpired": _Meaning(
        Kind.ACCOUNT_BLOCKED, "The password of the token's user has expired: the user changes it."
    ),
    "forcepasswordchangenotice": _Meaning(
        Kind.ACCOUNT_BLOCKED, "The token's user must log in to the site and change the password."
    ),
    "usernotfullysetup": _Meaning(
        Kind.ACCOUNT_BLOCKED, "The token's user must log in to the site and complete the profile."
    ),
    "sitepolicynotagreed": _Meaning(
        Kind.ACCOUNT_BLOCKED, "The token's user must log in to the site and agree to its policy."
    ),
    "errorcoursecontextnotvalid": _Meaning(
        Kind.NO_PERMISSION,
        "The token's user can't enter this course: it is not enrolled there, or the course is "
        "hidden. A teacher enrols the user, or use a token of a user who may see all courses.",
    ),
    "requireloginerror": _Meaning(Kind.NO_PERMISSION),
    "notenrolled": _NOT_ENROLLED,
    "notenroled": _NOT_ENROLLED,
    "notingroup": _Meaning(
        Kind.NO_PERMISSION,
        "The token's user is not in this group, and the activity keeps groups separate.",
    ),
    "accessdenied": _Meaning(Kind.NO_PERMISSION),
    "cannotdeletecourse": _Meaning(Kind.NO_PERMISSION),
    "wsusercannotassign": _Meaning(
        Kind.NO_PERMISSION,
        "The token's user may not give this role here: an administrator allows it under Site "
        "administration > Users > Permissions > Define roles > Allow role assignments.",
    ),
    "canntenrol": _Meaning(
        Kind.NO_PERMISSION,
        "The course does not let people enrol themselves now: a teacher enrols the user, or "
        "switches on self enrolment.",
    ),
    "guestsarenotallowed": _Meaning(Kind.NO_PERMISSION),
    "noaccess": _Meaning(Kind.NO_PERMISSION),
    "noreviewattempt": _Meaning(
        Kind.NO_PERMISSION, "The quiz does not let the token's user review this attempt."
    ),
    "privacyofficeronly": _Meaning(
        Kind.NO_PERMISSION,
        "Only a privacy officer may: an administrator chooses the role under Site administration "
        "> Users > Privacy and policies > Privacy settings.",
    ),
    "anonymous": _Meaning(
        Kind.NO_PERMISSION,
        "The answers of this feedback are anonymous: Moodle tells nobody who gave which.",
    ),
    "globalsearchdisabled": _SWITCHED_OFF,
    "registrationdisabled": _SWITCHED_OFF,
    "invalidrecord": _Meaning(Kind.NOT_FOUND),
    "invalidrecordunknown": _Meaning(Kind.NOT_FOUND),
    "invaliduser": _Meaning(
        Kind.NOT_FOUND, "No user has this id. Look users up with core_user_get_users_by_field."
    ),
    "invaliduserid": _Meaning(Kind.NOT_FOUND),
    "userdeleted": _Meaning(Kind.NOT_FOUND, "This user was deleted."),
    "usernotenroled": _NOT_A_PARTICIPANT,
    "usernotincourse": _NOT_A_PARTICIPANT,
    "userisfilteredout": _Meaning(
        Kind.NOT_FOUND,
        "The user is not among those that the assignment's page lists for the token's user with "
        "the filters set there. List them with mod_assign_list_participants.",
    ),
    "invalidcourseid": _Meaning(Kind.NOT_FOUND),
    "unknowncourseidnumber": _Meaning(Kind.NOT_FOUND),
    "invalidcoursemodule": _Meaning(Kind.NOT_FOUND),
    "invalidcoursemoduleid": _Meaning(Kind.NOT_FOUND),
    "cannotfindcategory": _Meaning(Kind.NOT_FOUND),
    "unknowncategory": _Meaning(Kind.NOT_FOUND),
    "unknowngroup": _Meaning(Kind.NOT_FOUND),
    "unknownrole": _Meaning(Kind.NOT_FOUND),
    "errorconversationdoesnotexist": _Meaning(
        Kind.NOT_FOUND, "These users have no conversation yet: a first message makes one."
    ),
    "error:nosuchbadge": _Meaning(Kind.NOT_FOUND),
    "backup_controller_dbops_nonexisting": _Meaning(Kind.NOT_FOUND),
    "cannotfindtimer": _Meaning(
        Kind.NOT_FOUND, "The user has not begun this lesson: mod_lesson_launch_attempt does."
    ),
    "lessonnotready2": _Meaning(Kind.NOT_FOUND, "This lesson has no pages yet."),
    "cannotfindpages": _Meaning(
        Kind.NOT_FOUND, "This lesson has no such page: mod_lesson_get_pages lists those it has."
    ),
    "incorrectpageid": _Meaning(
        Kind.NOT_FOUND, "No wiki page has this id: mod_wiki_get_subwiki_pages lists them."
    ),
    "invalidpersistenterror": _Meaning(
        Kind.NOT_FOUND,
        "An object that an id names does not exist, or its values are refused: the message says "
        "which.",
    ),
    "no_items_available_yet": _Meaning(Kind.NOT_FOUND, "This feedback has no questions yet."),
    "not_completed_yet": _Meaning(Kind.NOT_FOUND, "The user has not answered this feedback yet."),
    "not_started": _Meaning(Kind.NOT_FOUND, "The user has not begun to answer this feedback."),
    "completionnotenabled": _NOT_TRACKED,
    "nottracked": _NOT_TRACKED,
    "noselfcompletioncriteria": _NOT_TRACKED,
    "nocriteriaset": _Meaning(Kind.NOT_FOUND, "This course has no completion criteria."),
    "notagsfound": _Meaning(Kind.NOT_FOUND),
    "nothingfound": _Meaning(Kind.NOT_FOUND, "There is nothing to report yet."),
    "filenotfound": _Meaning(
        Kind.NOT_FOUND,
        "The file is not there, or not for the token's user: read its address anew, for example "
        "with core_course_get_contents.",
    ),
    "upload_error_ini_size": _Meaning(Kind.TOO_LARGE, UPLOAD_LIMITS),
    "userquotalimit": _Meaning(Kind.TOO_LARGE, UPLOAD_LIMITS),
    "maxbytes": _Meaning(Kind.TOO_LARGE, UPLOAD_LIMITS),
    "invalidparameter": _Meaning(Kind.INVALID_PARAMETER),
    "missingparam": _Meaning(Kind.INVALID_PARAMETER),
    "formatnotsupported": _Meaning(Kind.INVALID_PARAMETER),
    "errorinvalidparam": _Meaning(Kind.INVALID_PARAMETER),
    "errorsourceinvalid": _Meaning(
        Kind.INVALID_PARAMETER, "`source` is the PHP class of a report that the site has."
    ),
    "codingerror": _Meaning(
        Kind.INVALID_PARAMETER,
        "Moodle calls it a coding error; seen when a value is not one of the few that the "
        "function accepts. Check fixed words such as `field` or `classification`.",
    ),
    "attemptclosed": _Meaning(
        Kind.CONFLICT, "The attempt is still under way: it can be reviewed once it is finished."
    ),
    "reopenattemptwrongstate": _Meaning(
        Kind.CONFLICT, "Only an attempt that was never submitted can be opened again."
    ),
    "gradesneedregrading": _Meaning(
        Kind.CONFLICT, "The course's grades are being worked out anew: try again in some minutes."
    ),
    "shortnametaken": _Meaning(Kind.CONFLICT, "Another course has this short name."),
    "courseidnumbertaken": _Meaning(Kind.CONFLICT, "Another course has this id number."),
    "categoryidnumbertaken": _Meaning(Kind.CONFLICT, "Another category has this id number."),
    "idnumbertaken": _Meaning(Kind.CONFLICT),
    "usernameexists": _Meaning(Kind.CONFLICT),
    "emailexists": _Meaning(Kind.CONFLICT),
    "invalidresponse": _Meaning(
        Kind.SITE_ERROR,
        "Moodle ran the function and then found its own answer malformed, often because of one "
        "broken activity. Ask for less (one course, one section); an administrator turns on "
        "debugging to find the activity.",
    ),
    "dmlreadexception": _Meaning(Kind.SITE_ERROR),
    "dmlwriteexception": _Meaning(Kind.SITE_ERROR),
    "dbconnectionfailed": _Meaning(Kind.SITE_ERROR),
    "general_error_no_answer": _Meaning(
        Kind.SITE_ERROR,
        "The site's BigBlueButton server does not answer: an administrator looks at its address "
        "under Site administration > Plugins > Activity modules > BigBlueButton.",
    ),
}

_REFUSALS: Final = ("cannotaccess", "cannotview", "nopermission", "noview")
"""How errorcodes begin by which Moodle says that somebody may not: some thirty (read)."""

# By the last part of the exception's class name, for errorcodes that are not listed.
_CLASSES: Final[Mapping[str, Kind]] = {
    "required_capability_exception": Kind.NO_PERMISSION,
    "require_login_exception": Kind.NO_PERMISSION,
    "report_access_exception": Kind.NO_PERMISSION,
    "webservice_access_exception": Kind.ACCESS_DENIED,
    "dml_missing_record_exception": Kind.NOT_FOUND,
    "dml_multiple_records_exception": Kind.SITE_ERROR,
    "invalid_parameter_exception": Kind.INVALID_PARAMETER,
    "invalid_response_exception": Kind.SITE_ERROR,
    "coding_exception": Kind.INVALID_PARAMETER,
    "dml_read_exception": Kind.SITE_ERROR,
    "dml_write_exception": Kind.SITE_ERROR,
    "dml_connection_exception": Kind.SITE_ERROR,
}

# What PHP itself throws, without an errorcode: a bug in Moodle's code or a broken installation.
_PHP_ERRORS: Final = frozenset(
    {
        "ArgumentCountError",
        "ArithmeticError",
        "AssertionError",
        "DivisionByZeroError",
        "Error",
        "TypeError",
        "UnhandledMatchError",
        "ValueError",
    }
)
_PHP_ERROR: Final = _Meaning(
    Kind.SITE_ERROR,
    "Moodle's own code failed on this call, and would again: often because nothing has one of the "
    "ids, or a plugin is switched off or incomplete. Check the ids; an administrator finds the "
    "place in PHP's error log.",
)

_BEFORE_THE_FUNCTION: Final = frozenset(
    {
        "invalidtoken",
        "accessexception",
        "servicenotavailable",
        "enablewsdescription",
        "noauthheader",
        "noacceptheader",
        "notypeheader",
        "nowsfunction",
        "sitemaintenance",
        "upgraderunning",
        "wsaccessusersuspended",
        "wsaccessusernologin",
        "wsaccessuserdeleted",
        "wsaccessuserunconfirmed",
        "wsaccessuserexpired",
    }
)


def moodle_error(data: Mapping[str, Any], http_status: int | None = None) -> CallError:
    """The error for what `moodle_fault` reads; it knows what Moodle checks before a function."""
    fault = moodle_fault(data, http_status)
    return CallError(fault, refused=fault.errorcode in _BEFORE_THE_FUNCTION)


def moodle_fault(data: Mapping[str, Any], http_status: int | None = None) -> Fault:
    """The fault for Moodle's `{exception, errorcode, message}` or `{error, errorcode, …}`.

    Its debuginfo never goes into the fault: it can hold SQL with values.
    """
    errorcode = str(data.get("errorcode") or "")
    exception = str(data.get("exception") or "")
    said = str(data.get("message") or data.get("error") or errorcode)
    message = plain(_without_debuginfo(said, str(data.get("debuginfo") or "")))
    if errorcode and not IDENTIFIER.fullmatch(errorcode):
        # A weak password comes with sentences of HTML as its errorcode.
        kind, hint = Kind.INVALID_PARAMETER, "Moodle's rules are in the message: follow them."
        message, errorcode = plain(errorcode) or message, ""
    else:
        kind, hint = _meaning(errorcode, exception, message)
    failed_in_php = not errorcode and exception in _PHP_ERRORS
    return Fault(
        kind,
        message or "Moodle refused the call without saying why.",
        hint=hint,
        errorcode=errorcode or None,
        exception=plain(exception) or None,
        http_status=http_status if http_status != 200 else None,
        retryable=False if failed_in_php else None,
    )


def _without_debuginfo(message: str, debuginfo: str) -> str:
    """The message without the debuginfo that `debugdisplay` puts in brackets at its end.

    The debuginfo can go on after what the message has of it.
    """
    start = message.find(" (") if debuginfo and message.endswith(")") else -1
    while start != -1:
        if debuginfo.startswith(message[start + 2 : -1]):
            return message[:start]
        start = message.find(" (", start + 1)
    return message


def plain(text: str) -> str:
    """Text without HTML tags and half characters, on one line and cut to suit an error."""
    words = " ".join(html.unescape(_TAG.sub(" ", text)).split())
    words = words.encode("utf-8", "replace").decode()
    return words if len(words) <= _MAX_MESSAGE else f"{words[:_MAX_MESSAGE]}…"


def _meaning(errorcode: str, exception: str, message: str) -> _Meaning:
    if errorcode == "invalidrecord" and "external_functions" in message:
        return _NOT_IN_SITE
    if not errorcode and exception in _PHP_ERRORS:
        return _PHP_ERROR
    meaning = _CODES.get(errorcode)
    if meaning is None and errorcode.startswith(_REFUSALS):
        return _Meaning(Kind.NO_PERMISSION)
    if meaning is None:
        name = exception.rpartition("\\")[2]
        meaning = _Meaning(_CLASSES.get(name, Kind.MOODLE_ERROR))
    return meaning
