"""A Moodle site for the conformance suite, with the whole catalogue and the fixtures."""

from __future__ import annotations

import json
from itertools import cycle
from typing import Any
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from moodle_mcp.catalogue.loading import load
from moodle_mcp.site.info import SITE_INFO
from tools.conformance.fixtures import FAILING, FIXTURES, SLOW

TOKEN = "0123456789abcdef" * 2
CATALOGUE = load()


class FixtureSite:
    """Answers the site-info function and the fixtures, as Moodle's REST endpoint does."""

    def __init__(self) -> None:
        self._busy = cycle([True, True, True, False])
        self.app = Starlette(
            routes=[Route("/webservice/rest/server.php", self._answer, methods=["POST"])]
        )

    async def _answer(self, request: Request) -> Response:
        name = parse_qs((await request.body()).decode())["wsfunction"][0]
        if name == SITE_INFO:
            return JSONResponse(_site_info())
        if name == SLOW and next(self._busy):
            # The server reports each wait for a busy site to the client as progress.
            return Response("", 503, headers={"Retry-After": "0"})
        if name == FAILING:
            return JSONResponse(_exception("fixtureerror", "This fixture always fails."))
        if name in FIXTURES:
            return Response(json.dumps(f"{name} was called."), media_type="application/json")
        return JSONResponse(_exception("invalidrecord", "Only the fixtures can be called."))


def _exception(code: str, message: str) -> dict[str, str]:
    return {"exception": "moodle_exception", "errorcode": code, "message": message}


def _site_info() -> dict[str, Any]:
    return {
        "sitename": "Conformance",
        "siteurl": "http://127.0.0.1",
        "userid": 2,
        "username": "admin",
        "firstname": "Admin",
        "lastname": "User",
        "fullname": "Admin User",
        "lang": "en",
        "userpictureurl": "",
        "release": "4.5.6 (Build: 20250811)",
        "functions": [{"name": name, "version": "1"} for name in [*CATALOGUE, *FIXTURES]],
    }
