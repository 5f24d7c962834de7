"""The demo site's settings, including those that administrators get wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

UserState: TypeAlias = Literal["suspended", "nologin", "deleted", "unconfirmed"]


@dataclass
class Switches:
    """The demo site's settings; each may be changed at any time, from any thread."""

    debugging: bool = False
    """Debugging on: failures include `debuginfo`."""
    debugdisplay: bool = False
    """Debug messages displayed: with debugging on, `message` repeats the debuginfo."""
    web_services: bool = True
    """Web services; off: 403 with an empty body."""
    rest: bool = True
    """The REST protocol; off: 403 with an empty body."""
    rest_capability: bool = True
    """Whether users may use it (webservice/rest:use); if not, all but administrators get
    `accessexception`."""
    restful: bool = True
    """The RESTful protocol; off: 403 with an empty body."""
    restful_installed: bool = True
    """Whether its plugin is installed; if not, the web server answers 404."""
    restful_capability: bool = True
    """Whether users may use it; if not, all but administrators get `accessexception`."""
    authorization_kept: bool = True
    """Whether the web server passes the Authorization header on to PHP."""
    maintenance: bool = False
    """`sitemaintenance` for everyone but administrators and managers."""
    maintenance_page: bool = False
    """Command-line maintenance mode: a page with status 503 for everyone and everything."""
    max_input_vars: int = 1000
    """PHP silently drops form fields beyond this number."""
    post_max_size: int = 8 * 1024 * 1024
    """PHP silently drops a form with a larger body; it still reads JSON."""
    upload_max_filesize: int = 2 * 1024 * 1024
    """PHP refuses a larger file."""
    downloads: bool = True
    """Whether the services allow file downloads."""
    uploads: bool = True
    exact_case: bool = False
    """Whether the database distinguishes case where Moodle leaves it that, as PostgreSQL does."""
    wwwroot: str | None = None
    """The site's own address; a request sent to another host or scheme is redirected to it."""
    service_disabled: bool = False
    user_not_authorised: bool = False
    user_ip_restricted: bool = False
    """The user is authorised for the service only from another IP address."""
    required_capability_missing: bool = False
    """The service requires a capability that the user lacks."""
    authorisation_ends: bool = False
    """The user's authorisation has an end date, for which 4.5 refuses functions but not files."""
    withheld: set[str] = field(default_factory=set[str])
    """Functions that are not in any service."""
    token_ip_restricted: bool = False
    token_expired: bool = False
    """The next call is refused and its token deleted, as in Moodle."""
    user_pending: str = ""
    """What every user must do first, such as `User not fully set-up`: courses are closed until
    then."""
    create_tokens: bool = True
    """Whether `login/token.php` may create tokens."""
    browser_login: bool = True
    """Whether Moodle's app, and so this server, may sign in through the browser."""
    hidden: set[str] = field(default_factory=set[str])
    """Paths that a firewall in front of the site refuses."""
    user_state: dict[str, UserState] = field(default_factory=dict[str, UserState])
    """Problems of accounts, by username."""
