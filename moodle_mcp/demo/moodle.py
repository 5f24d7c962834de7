"""The demo Moodle without HTTP: tokens, services, functions, files."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Mapping
from typing import Any, Final, cast

from moodle_mcp.catalogue.loading import Catalogue, load
from moodle_mcp.catalogue.site_overrides import SiteOverrides
from moodle_mcp.demo.call import Answer, Call, whole
from moodle_mcp.demo.errors import (
    MoodleError,
    access_denied,
    invalid_parameter,
    missing_record,
    moodle_error,
)
from moodle_mcp.demo.functions import HANDLERS
from moodle_mcp.demo.php import Form
from moodle_mcp.demo.records import (
    SITE_COURSE,
    StoredFile,
    User,
    course_context,
    module_context,
    user_context,
)
from moodle_mcp.demo.seed import seeded_world
from moodle_mcp.demo.switches import Switches, UserState
from moodle_mcp.demo.tokens import SERVICES, Token, seeded_tokens
from moodle_mcp.demo.validation import validate

# By the catalogue's release: the release and version that such a site reports.
_RELEASES: Final[Mapping[str, tuple[str, str, str]]] = {
    "4.1": ("4.1+ (Build: 20221201)", "2022112800.01", "2022112800"),
    "4.5": ("4.5.6 (Build: 20250811)", "2024100706", "2024100700"),
    "5.1": ("5.1.5 (Build: 20260608)", "2025100605", "2025100600"),
}
_PROTOCOL_FIELDS: Final = ("wstoken", "wsfunction", "moodlewsrestformat")
_SETTINGS_PREFIX: Final = "moodlewssetting"
_DRAFT_IDS: Final = 900_000_000
_REFUSED_STATES: Final[Mapping[UserState, tuple[str, str]]] = {
    "deleted": ("wsaccessuserdeleted", "deleted"),
    "unconfirmed": ("wsaccessuserunconfirmed", "unconfirmed"),
    "suspended": ("wsaccessusersuspended", "suspended"),
    "nologin": ("wsaccessusernologin", "nologin authentication"),
}


class Moodle:
    """A small Moodle: its state, its settings, and its answers."""

    def __init__(
        self, now: int, release: str, students: int, plugins: SiteOverrides, reports: str | None
    ) -> None:
        self.world = seeded_world(now, students)
        self.switches = Switches()
        self.tokens = seeded_tokens()
        self.catalogue: Catalogue = load(release, plugins)
        own, self.version, self.plugin_version = _RELEASES[release]
        self.release = reports or own
        self._tells_sizes = release != "4.1"

    def call(self, form: Form, wwwroot: str) -> Any:
        """Run the function named in a REST request."""
        token, user = self._authenticated(_text(form, "wstoken"))
        self._check_capability(user, self.switches.rest_capability)
        name = _text(form, "wsfunction")
        if not name:
            raise invalid_parameter("Missing function name")
        arguments = {
            key: value
            for key, value in form.items()
            if key not in _PROTOCOL_FIELDS and not key.startswith(_SETTINGS_PREFIX)
        }
        return self._run(token, user, wwwroot, name, arguments)

    def call_restful(self, token: str, name: str, arguments: Any, wwwroot: str) -> Any:
        """Run the function named in a RESTful request; the arguments are decoded JSON."""
        entry, user = self._authenticated(token)
        self._check_capability(user, self.switches.restful_capability)
        if not isinstance(arguments, dict):
            raise invalid_parameter(f"Only arrays accepted. The bad value is: '{arguments}'")
        given = cast("dict[str, Any]", arguments)
        return self._run(entry, user, wwwroot, name, given, in_form=False)

    def login(self, form: Form) -> Answer:
        """`login/token.php`: return a token for a username and a password."""
        if not self.switches.web_services:
            raise moodle_error(
                "enablewsdescription", "Web services must be enabled in Advanced features."
            )
        if form.get("appsitecheck") == "1":
            # Moodle's app asks this first, without a name or a password.
            return {"appsitecheck": "ok"}
        username, password = _required(form, "username"), _required(form, "password")
        service = _required(form, "service")
        user = self.world.user_named(username)
        known = user is not None and user.password == password and not user.suspended
        if user is None or not known or username in self.switches.user_state:
            raise moodle_error("invalidlogin", "Invalid login, please try again")
        self._check_maintenance(user)
        if service not in SERVICES or self.switches.service_disabled:
            raise moodle_error(
                "servicenotavailable",
                "Web service is not available. (It doesn't exist or might be disabled.)",
            )
        if not self.switches.create_tokens:
            raise moodle_error(
                "cannotcreatetoken",
                f"No permission to create web service token for the service {service}.",
            )
        return {"token": self._token_for(username, service), "privatetoken": None}

    def public_config(self, wwwroot: str) -> Answer:
        """`tool_mobile_get_public_config`: return the parts that a sign-in needs."""
        return {
            "wwwroot": wwwroot,
            "httpswwwroot": wwwroot,
            "sitename": self.world.courses[SITE_COURSE].fullname,
            "enablewebservices": int(self.switches.web_services),
            "enablemobilewebservice": 0,
            "maintenanceenabled": int(self.switches.maintenance),
            "typeoflogin": 2 if self.switches.browser_login else 1,
            "launchurl": f"{wwwroot}/admin/tool/mobile/launch.php",
            "warnings": [],
        }

    def upload(self, form: Form, files: list[tuple[str, bytes]]) -> list[Answer]:
        """`webservice/upload.php`: store files in the user's draft area."""
        _, user = self._authenticated(_required(form, "token"))
        self._check_service()
        if not self.switches.uploads:
            raise access_denied("Web service file upload is off in the service.")
        if any(len(content) > self.switches.upload_max_filesize for _, content in files):
            raise moodle_error(
                "upload_error_ini_size", "The file is larger than the maximum size allowed."
            )
        item_id = whole(_text(form, "itemid"))
        path = _text(form, "filepath") or "/"
        if files and not item_id:
            item_id = _DRAFT_IDS + len(self.world.files) + 1
        return [self._stored(user, item_id, path, name, content) for name, content in files]

    def download(self, path: str, form: Form) -> StoredFile:
        """`webservice/pluginfile.php`: return the file at the path if the token's user may see it.

        Drafts can't be downloaded there.
        """
        token, user = self._authenticated(_required(form, "token"))
        self._check_service()
        if not self.switches.downloads:
            raise access_denied("Web service file downloading is off in the service.")
        file = next((each for each in self.world.files.values() if each.path == path), None)
        if file is None or file.filearea == "draft":
            raise moodle_error("filenotfound", "Sorry, the requested file could not be found")
        call = self._call(token, user, "")
        if file.context == user_context(user.id):
            return file
        for module in self.world.modules.values():
            course = self.world.courses[module.course]
            places = (module_context(module.id), course_context(course.id))
            if file.context in places and call.may_enter(course) and call.sees(module):
                return file
        raise moodle_error("requireloginerror", "Course or activity not accessible.")

    def _authenticated(self, value: str) -> tuple[Token, User]:
        """Return the token and its user, checked in the same order as in Moodle."""
        if not self.switches.web_services:
            raise access_denied("Web services are switched off.")
        token = self.tokens.get(value)
        if token is None:
            raise moodle_error("invalidtoken", "Invalid token - token not found")
        if self.switches.token_expired:
            # Moodle deletes an expired token when it is used: the next call does not find it.
            del self.tokens[value]
            raise access_denied("The token expired.")
        if self.switches.token_ip_restricted:
            raise access_denied("The token is for another address.")
        user = next(each for each in self.world.users.values() if each.username == token.username)
        self._check_maintenance(user)
        state = self.switches.user_state.get(user.username)
        if state is None and user.suspended:
            state = "suspended"
        if state is not None:
            code, words = _REFUSED_STATES[state]
            raise moodle_error(
                code, f"Refused web service access for {words} username: {user.username}"
            )
        return token, user

    def _check_maintenance(self, user: User) -> None:
        if self.switches.maintenance and not user.system_role:
            raise moodle_error(
                "sitemaintenance",
                "The site is undergoing maintenance and is currently not available",
            )

    def _check_capability(self, user: User, held: bool) -> None:
        """Check that the user may use the protocol; administrators always may."""
        if not held and user.system_role != "admin":
            raise access_denied("The user may not use the protocol.")

    def _check_service(self) -> None:
        """Check that the token's service is open to its user, for files and functions."""
        switches = self.switches
        if (
            switches.service_disabled
            or switches.user_not_authorised
            or switches.user_ip_restricted
            or switches.required_capability_missing
        ):
            raise access_denied("The service of the token is not open to its user.")

    def _run(
        self,
        token: Token,
        user: User,
        wwwroot: str,
        name: str,
        arguments: Mapping[str, Any],
        *,
        in_form: bool = True,
    ) -> Any:
        """Run a function; `in_form` says whether the token was a field of a form."""
        if name not in self.catalogue:
            raise missing_record("external_functions", name, "name")
        allowed = SERVICES[token.service]
        self._check_service()
        if self.switches.authorisation_ends:
            raise access_denied("The user's authorisation has an end date.")
        if name in self.switches.withheld or (allowed is not None and name not in allowed):
            raise access_denied(f"The function {name} is not in the token's service.")
        params = validate(self.catalogue.get(name).params, arguments)
        handler = HANDLERS.get(name)
        if handler is None:
            raise MoodleError(
                "moodle_exception",
                "demonotimplemented",
                f"This is the demonstration site: it knows {name} and has checked the parameters, "
                "but it does not have what the function does.",
            )
        return handler(self._call(token, user, wwwroot, in_form=in_form), params)

    def _call(self, token: Token, user: User, wwwroot: str, *, in_form: bool = True) -> Call:
        allowed = SERVICES[token.service]
        withheld = self.switches.withheld
        names = (
            name
            for name in self.catalogue
            if name not in withheld and (allowed is None or name in allowed)
        )

        def run(name: str, arguments: Mapping[str, Any]) -> Any:
            return self._run(token, user, wwwroot, name, arguments, in_form=in_form)

        return Call(
            self.world,
            user,
            wwwroot,
            self.release,
            self.version,
            {name: self._version_of(name) for name in names},
            in_form,
            run,
            downloads=self.switches.downloads,
            uploads=self.switches.uploads,
            exact_case=self.switches.exact_case,
            pending=self.switches.user_pending,
        )

    def _version_of(self, function: str) -> str:
        return self.version if function.startswith("core_") else self.plugin_version

    def _token_for(self, username: str, service: str) -> str:
        value = hashlib.sha256(f"{username} {service}".encode()).hexdigest()[:32]
        self.tokens[value] = Token(username, service)
        return value

    def _stored(self, user: User, item_id: int, path: str, name: str, content: bytes) -> Answer:
        context = user_context(user.id)
        kind = mimetypes.guess_type(name)[0] or "document/unknown"
        file_id = self.world.files.next_id()
        file = StoredFile(
            file_id, context, "user", "draft", item_id, name, content, kind, user.id,
            self.world.now, path,
        )  # fmt: skip
        if any(each.path == file.path for each in self.world.files.values()):
            return {
                "filename": name,
                "filepath": path,
                "errortype": "filenameexist",
                "error": f"File name already exists: {name}",
            }
        self.world.files[file_id] = file
        size = len(name.encode())
        told = {"filesize": len(content)} if self._tells_sizes else {}
        return {
            "component": "user",
            "contextid": context,
            "userid": str(user.id),
            "filearea": "draft",
            "filename": name,
            "filepath": path,
            "itemid": item_id,
            "license": "unknown",
            "author": user.fullname,
            "source": f'O:8:"stdClass":1:{{s:6:"source";s:{size}:"{name}";}}',
            **told,
        }


def shown(error: MoodleError, switches: Switches) -> tuple[str, str | None]:
    """Return an exception's message and debuginfo as the site's debugging settings show them."""
    if not switches.debugging or error.debuginfo is None:
        return error.message, None
    if switches.debugdisplay:
        return f"{error.message} ({error.debuginfo})", error.debuginfo
    return error.message, error.debuginfo


def _text(form: Form, name: str) -> str:
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def _required(form: Form, name: str) -> str:
    value = _text(form, name)
    if not value:
        raise moodle_error("missingparam", f"A required parameter ({name}) was missing")
    return value
