"""Builds the server for several people from the settings; part of the wiring."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Scope

from moodle_mcp import __version__, wiring
from moodle_mcp.auth import scopes
from moodle_mcp.auth.client_documents import ClientDocuments
from moodle_mcp.auth.clients import Documents
from moodle_mcp.auth.grants import Grant
from moodle_mcp.auth.keys import SecretKeys, new_keys, read_keys
from moodle_mcp.auth.moodle import MoodleSignIn
from moodle_mcp.auth.resource_server import (
    Challenges,
    SignedOutError,
    Verifier,
    protected,
    token_of,
)
from moodle_mcp.auth.server import AuthorizationServer, authorization_server
from moodle_mcp.auth.vault import Vault, VaultError
from moodle_mcp.catalogue.classification import Access
from moodle_mcp.errors import SettingsError
from moodle_mcp.health import health_routes
from moodle_mcp.open_stores import open_stores
from moodle_mcp.server.factory import Tenancy, shared_server
from moodle_mcp.server.transports.hosted import Doors, hosted_app
from moodle_mcp.server.transports.http import PATH
from moodle_mcp.server.transports.users import context_of, principal_of
from moodle_mcp.service.audit import Audit
from moodle_mcp.service.context import UserContext
from moodle_mcp.service.users import Principal, Users
from moodle_mcp.settings import Settings, variable
from moodle_mcp.site.connection import Connection
from moodle_mcp.site.protocol import PROTOCOLS
from moodle_mcp.site.session import OnRejection
from moodle_mcp.store.base import Store, StoreError

if TYPE_CHECKING:
    from moodle_mcp.prometheus import Prometheus

_SIGN_IN_AGAIN: Final = (
    "Moodle no longer accepts the sign-in of this user. The next request makes the client ask them "
    "to sign in again; then repeat what was not done."
)


@dataclass(frozen=True, slots=True)
class Hosted:
    """The application, and what tests and the demo need of it."""

    app: Starlette
    authorization: AuthorizationServer
    close: Callable[[], Awaitable[None]]


def make_hosted(
    settings: Settings,
    *,
    documents: Callable[[Store], Documents] = ClientDocuments,
    clock: Callable[[], float] = time.time,
) -> Hosted:
    """Build the server for the people of one site.

    Raises:
        SettingsError: a setting is wrong.
    """
    public_url = settings.checked_public_url()
    keys = _keys(settings)
    stores = open_stores(settings)
    vault = Vault(keys, clock)
    protocols = PROTOCOLS[settings.moodle_protocol]
    address = settings.site_address()
    authorization = authorization_server(
        public_url,
        PATH,
        settings.access,
        stores=stores,
        vault=vault,
        moodle=MoodleSignIn(address, protocols, settings.service, f"moodle-mcp/{__version__}"),
        documents=documents(stores.passing),
        clock=clock,
    )
    policy = wiring.make_policy(settings)
    metrics, metrics_routes = _metrics(settings)
    process = wiring.make_process(
        settings, Audit(settings.audit), store=stores.passing, metrics=metrics
    )

    async def close() -> None:
        await process.aclose()
        await stores.grants.aclose()

    async def user_of(scope: Scope) -> tuple[str, UserContext]:
        found = token_of(scope).found
        with suppress(StoreError):
            await authorization.grants.note_use(found)
        grant = found.grant
        access = scopes.access_of(found.scopes) or Access.READ
        principal = Principal(grant.id, grant.person.owner, access)
        try:
            return grant.id, users.context(principal, lambda: make(principal, grant))
        except VaultError:
            # The key was forgotten: the person signs in again.
            await authorization.grants.end(grant.id)
            raise SignedOutError from None

    def make(principal: Principal, grant: Grant) -> UserContext:

        async def act() -> None:
            users.forget(grant.id)
            # Without the store the grant stays; Moodle refuses the next call as well.
            with suppress(StoreError):
                await authorization.grants.end(grant.id)

        token = authorization.grants.moodle_token(grant)
        return wiring.make_user_context(
            process,
            Connection(address, SecretStr(token), protocols),
            policy.granting(principal.access),
            owner=principal.owner,
            subject=vault.pseudonym(principal.owner),
            grant=grant.id,
            on_rejection=OnRejection(act, _SIGN_IN_AGAIN),
        )

    users = Users(time.monotonic)
    if metrics is not None:
        metrics.watch("moodle_mcp_users", "Users with a context in memory.", lambda: len(users))
    verifier = Verifier(authorization.provider)
    challenges = Challenges(authorization.rules)
    tenancy = Tenancy(
        context_of,
        principal_of,
        [key.derived("request state") for key in keys.current_first(clock())],
        settings.person_rate,
    )
    doors = Doors(
        protect=lambda app: protected(app, verifier, authorization.rules),
        context_of=user_of,
        refusal=challenges.step_up,
        errors={StoreError: authorization.gone, SignedOutError: challenges.signed_out},
        host=urlsplit(public_url).netloc,
        origin=public_url,
    )
    health = health_routes([stores.grants, stores.passing])
    app = hosted_app(
        shared_server(tenancy, close),
        PATH,
        doors,
        [*authorization.routes, *health, *metrics_routes],
    )
    return Hosted(app, authorization, close)


def _metrics(settings: Settings) -> tuple[Prometheus | None, list[Route]]:
    readers = settings.metrics_readers()
    if not readers:
        return None, []
    try:
        from moodle_mcp.prometheus import Prometheus
    except ImportError:
        name = variable("metrics_from")
        raise SettingsError(f"{name} needs pip install 'moodle-mcp[metrics]'") from None
    metrics = Prometheus()
    return metrics, [metrics.route(readers)]


def _keys(settings: Settings) -> SecretKeys:
    path: Path | None = settings.secret_key_file
    if path is not None:
        return read_keys(path)
    if settings.keeps_nothing:
        return new_keys(0)
    raise SettingsError(
        f"{variable('secret_key_file')} is missing: make one with `moodle-mcp keys new FILE`"
    )
