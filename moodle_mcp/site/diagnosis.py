"""Diagnose `accessexception`, Moodle's single answer to seven causes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from moodle_mcp.errors import CallError
from moodle_mcp.site.info import SITE_INFO
from moodle_mcp.site.protocol import Protocol

if TYPE_CHECKING:
    from moodle_mcp.site.session import SiteSession

_ERRORCODE: Final = "accessexception"
_ADD_FUNCTION: Final = (
    "An administrator adds it: Site administration > Server > Web services > External services > "
    "(the token's service) > Functions > Add functions: {function}."
)
_OTHER_CAUSES: Final = (
    "The token's service has this function, so another rule refuses it: the token's IP "
    "restriction or end date, or a capability that the service or the protocol ({capability}) "
    "requires. An administrator checks Site administration > Server > Web services > Manage "
    "tokens and External services."
)
_ANY_CAUSE: Final = (
    "Most likely the function is not in the token's service. {add} Other causes are the token's IP "
    "restriction or end date, and a capability that the service or the protocol ({capability}) "
    "requires."
).replace("{add}", _ADD_FUNCTION)
_REFUSED_ALTOGETHER: Final = (
    "The site refuses this token for every function. An administrator checks under Site "
    "administration > Server > Web services > External services that the service is enabled, "
    "that the user is among its authorised users, that it has core_webservice_get_site_info, "
    "and under Manage tokens the token's IP restriction and end date; and that a role gives "
    "the user the capability {capability}."
)


def diagnosed_info(protocol: Protocol, error: CallError) -> CallError:
    """Return the error of `core_webservice_get_site_info` with its possible causes added."""
    if error.fault.errorcode != _ERRORCODE:
        return error
    return error.but(hint=_REFUSED_ALTOGETHER.format(capability=protocol.capability))


async def diagnosed(
    site: SiteSession, function: str, protocol: Protocol, error: CallError
) -> CallError:
    """Return the error of a call with its cause, as far as the site's own description shows it."""
    if error.fault.errorcode != _ERRORCODE:
        return error
    if function == SITE_INFO:
        return diagnosed_info(protocol, error)
    try:
        info = await site.info(fresh=True)
    except CallError as asked:
        return error.but(hint=asked.fault.hint)
    if info.lacks(function):
        return error.but(
            message=f"The function {function} is not in the token's service.",
            hint=_ADD_FUNCTION.format(function=function),
        )
    causes = _OTHER_CAUSES if info.functions is not None else _ANY_CAUSE
    return error.but(hint=causes.format(function=function, capability=protocol.capability))
