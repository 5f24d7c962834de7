"""What an administrator can set wrong, and what a test turns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

UserState: TypeAlias = Literal["suspended", "nologin", "deleted", "unconfirmed"]


@dataclass
class Switches:
    """The demo site's settings; each may be changed at any time, from any thread."""

    debugging: bool = False
    """Debugging on: failures carry `debuginfo`."""
    debugdisplay: bool = False
    """Debug messages shown as well: with debugging on, `message` repeats the debuginfo."""
    web_services: bool = True
    """Off: 403 with an empty body."""
    rest: bool = True
    """The REST protocol; off: 403 with an empty body."""
    rest_capability: bool = True
    """Whether users may use it (webservice/rest:use); without: `accessexception`, but for
    administrators."""
    restful: bool = True
    """The RESTful protocol; off: 403 with an empty body."""
    restful_installed: bool = True
    """The plugin that has it; without: the web server's 404."""
    restful_capability: bool = True
    """Whether users may use it; without: `accessexception`, but for administrators."""
    authorization_kept: bool = True
    """Whether the web server hands the Authorization header on to PHP."""
    maintenance: bool = False
    """`sitemaintenance` for everyone but administrators and managers."""
    maintenance_page: bool = False
    """The command line's maintenance mode: a page with status 503 for everyone and everything."""
    max_input_vars: int = 1000
    """PHP drops the form fields beyond it, silently."""
    post_max_size: int = 8 * 1024 * 1024
    """PHP drops a whole form that is larger, silently; JSON it reads all the same."""
    upload_max_filesize: int = 2 * 1024 * 1024
    """PHP refuses a larger file."""
    downloads: bool = True
    """Whether the services let files be downloaded."""
    uploads: bool = True
    wwwroot: str | None = None
    """The site's own address; a request sent to another host or scheme is redirected to it."""
    service_disabled: bool = False
    user_not_authorised: bool = False
    user_ip_restricted: bool = False
    """The user is authorised for the service from another address only."""
    required_capability_missing: bool = False
    """The service asks for a capability that the user lacks."""
    authorisation_ends: bool = False
    """The user's authorisation has an end date: 4.5 refuses functions, though not files, by it."""
    withheld: set[str] = field(default_factory=set[str])
    """Functions that are in no service."""
    token_ip_restricted: bool = False
    token_expired: bool = False
    """The next call is refused and its token deleted, as Moodle does."""
    user_pending: str = ""
    """What waits for every user at the site's door, as `User not fully set-up`: courses are closed
    until then."""
    create_tokens: bool = True
    """Whether `login/token.php` may make tokens."""
    browser_login: bool = True
    """Whether Moodle's app, and so this server, may sign in through the browser."""
    hidden: set[str] = field(default_factory=set[str])
    """Paths that a firewall before the site refuses."""
    user_state: dict[str, UserState] = field(default_factory=dict[str, UserState])
    """What is wrong with an account, by username."""
