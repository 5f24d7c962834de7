"""A site that replays the recorded answers of a real Moodle."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Sequence
from typing import TypeAlias
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from moodle_mcp.site.info import SITE_INFO
from moodle_mcp.site.protocol import REST
from tests.support.recordings import Exchange

Fields: TypeAlias = tuple[tuple[str, str], ...]


class Replay:
    """Answers the recorded body for a request with the recorded fields.

    Several answers for the same fields come one after another. The first request, and requests
    without a recorded answer, get a site info that lists every function in the recordings.
    """

    def __init__(self, exchanges: Sequence[Exchange], functions: Sequence[str]) -> None:
        self._answers: dict[Fields, deque[Exchange]] = {}
        for each in exchanges:
            self._answers.setdefault(fields_of(each), deque()).append(each)
        self._functions = functions
        self._asked = False
        self.app = Starlette(
            routes=[Route("/webservice/rest/server.php", self._answer, methods=["POST"])]
        )

    async def _answer(self, request: Request) -> Response:
        sent = parse_qsl((await request.body()).decode(), keep_blank_values=True)
        fields = tuple(pair for pair in sent if pair[0] != "wstoken")
        left = self._answers.get(fields)
        if not self._asked or not left:
            # The first request is the server's own, for the site info.
            self._asked = True
            return self._site_info()
        exchange = left.popleft()
        headers = {"Location": exchange.location} if exchange.location else None
        return Response(
            exchange.body, exchange.status, headers=headers, media_type=exchange.content_type
        )

    def _site_info(self) -> Response:
        names = [{"name": name, "version": "1"} for name in self._functions]
        info = {
            "sitename": "Replay",
            "siteurl": "http://127.0.0.1:8080",
            "userid": 2,
            "username": "admin",
            "fullname": "Admin User",
            "release": "4.5.6 (Build: 20250811)",
            "functions": names,
        }
        return Response(json.dumps(info), media_type="application/json")


def fields_of(exchange: Exchange) -> Fields:
    """Return the form fields of a recorded call, without the token."""
    request = REST.encode(exchange.function or SITE_INFO, exchange.params)
    return tuple(parse_qsl(request.body.decode(), keep_blank_values=True))
