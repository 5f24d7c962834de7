"""Client ID Metadata Documents: a client's id is the https address of its description.

Strangers choose the address, so the request goes to public addresses only, to the very address that
was checked, follows no redirect, and is limited in size and time.
"""

from __future__ import annotations

import json
import logging
import ssl
import time
from collections.abc import Callable
from typing import Any, Final, cast
from urllib.parse import unquote, urlsplit

import anyio
import httpx2
from mcp.server.auth.provider import RegistrationError
from pydantic import ValidationError

from moodle_mcp.auth.addresses import Allowed, NotPublicError, is_public, resolve
from moodle_mcp.auth.clients import Client, client_metadata, client_of
from moodle_mcp.store.base import Key, Kind, Store

MOST_BYTES: Final = 10_000
SECONDS: Final = 5.0
FRESH_SECONDS: Final = 3600
"""Seconds after which a document is fetched again."""

AT_ONCE: Final = 8
MOST_FETCHES: Final = 120
"""Most fetches per minute of all replicas; beyond that only documents that are kept are known."""

MOST_URL: Final = 500

_DOCUMENTS: Final = Kind("client_documents", 86_400, most_entries=1, most_bytes=2 * MOST_BYTES)
_FETCHES: Final = Kind("client_document_fetches", 60, most_entries=1, most_bytes=100)
_REFUSED: Final = Kind("refused_client_documents", 60, most_entries=1, most_bytes=100)

log = logging.getLogger(__name__)


class DocumentError(Exception):
    """There is no such document, or it is not acceptable; the message says why, for the log."""


class ClientDocuments:
    """Fetches documents and keeps them in the store. `clock` is in Unix seconds.

    If a document can't be fetched again, the kept one counts for a day, so that clients can refresh
    their tokens meanwhile.
    """

    def __init__(
        self,
        store: Store,
        *,
        allowed: Allowed = is_public,
        tls: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = store
        self._allowed = allowed
        self._tls = tls
        self._clock = clock
        self._turns = anyio.CapacityLimiter(AT_ONCE)

    async def client(self, url: str) -> Client | None:
        if not is_document_url(url):
            return None
        key = Key(url, _DOCUMENTS, "document")
        packed = await self._store.get(key)
        kept = None if packed is None else json.loads(packed)
        if kept is not None and self._clock() - kept["fetched"] < FRESH_SECONDS:
            return client_of(url, kept["metadata"], described_by_itself=True)
        try:
            metadata = await self._fetch(url)
        except DocumentError as error:
            log.warning("the client document of %s is not used: %s", urlsplit(url).netloc, error)
            found = None if kept is None else kept["metadata"]
            return None if found is None else client_of(url, found, described_by_itself=True)
        entry = {"fetched": self._clock(), "metadata": metadata}
        await self._store.put(key, json.dumps(entry).encode())
        return client_of(url, metadata, described_by_itself=True)

    async def _fetch(self, url: str) -> dict[str, Any]:
        refused = Key(url, _REFUSED, "document")
        if await self._store.get(refused) is not None:
            raise DocumentError("it could not be fetched a moment ago")
        if await self._store.increment(Key("all", _FETCHES, "count")) > MOST_FETCHES:
            raise DocumentError("too many documents are fetched")
        try:
            async with self._turns:
                with anyio.fail_after(SECONDS):
                    return _checked(url, await self._get(url))
        except TimeoutError:
            await self._store.put(refused, b"1")
            raise DocumentError("it did not arrive in time") from None
        except DocumentError:
            await self._store.put(refused, b"1")
            raise

    async def _get(self, url: str) -> bytes:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
        try:
            address = await resolve(host, port, self._allowed)
        except NotPublicError as error:
            raise DocumentError(str(error)) from None
        # The name is not resolved again: its owner could answer with another address now.
        there = httpx2.URL(url).copy_with(host=address)
        try:
            async with httpx2.AsyncClient(
                trust_env=False,
                follow_redirects=False,
                verify=True if self._tls is None else self._tls,
                timeout=SECONDS,
            ) as http:
                request = http.build_request(
                    "GET",
                    there,
                    headers={
                        "Host": parts.netloc,
                        "Accept": "application/json",
                        "Accept-Encoding": "identity",
                        "User-Agent": "moodle-mcp",
                    },
                    extensions={"sni_hostname": host},
                )
                response = await http.send(request, stream=True)
                try:
                    return await _read(response)
                finally:
                    await response.aclose()
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise DocumentError(type(error).__name__) from None


def is_document_url(url: str) -> bool:
    """Whether a client's id can be the address of its document."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    segments = unquote(parts.path).split("/")
    return (
        len(url) <= MOST_URL
        and url.isascii()
        and url.isprintable()
        and " " not in url
        and parts.scheme == "https"
        and bool(parts.hostname)
        and "@" not in parts.netloc
        and port != 0
        and parts.path not in ("", "/")
        and not {".", ".."}.intersection(segments)
        and not parts.query
        and "#" not in url
    )


async def _read(response: httpx2.Response) -> bytes:
    if response.status_code != 200:
        raise DocumentError(f"the answer has status {response.status_code}")
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise DocumentError("the answer is not JSON")
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > MOST_BYTES:
            raise DocumentError(f"it has more than {MOST_BYTES:,} bytes")
    return body


def _checked(url: str, body: bytes) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise DocumentError("the answer is not JSON") from None
    if not isinstance(data, dict):
        raise DocumentError("the answer is not an object")
    document = cast("dict[str, Any]", data)
    if document.get("client_id") != url:
        raise DocumentError("its client_id is not its address")
    if "client_secret" in document:
        raise DocumentError("it contains a secret")
    try:
        return client_metadata(document)
    except RegistrationError as error:
        raise DocumentError(error.error_description or error.error) from None
    except ValidationError:
        raise DocumentError("its fields have wrong types") from None
