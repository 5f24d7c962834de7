"""A site that echoes whatever it is sent, in the places where a real site or a proxy might."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

TOKEN = "c0ffee00" * 4

PLACES = ("exception", "warning", "answer", "veiled", "page", "status", "redirect")
"""Places of the echo in a response, for `EchoingSite.place`."""


@dataclass
class EchoingSite:
    """The site; `functions` are those of the token's service."""

    functions: list[str]
    place: str = "exception"
    requests: list[str] = field(default_factory=list[str])
    url: str = ""

    def answer(self, body: str) -> tuple[int, dict[str, str], str]:
        """Status, headers and body of the response to a form."""
        fields = dict(parse_qsl(body, keep_blank_values=True))
        function = fields.get("wsfunction", "")
        self.requests.append(function)
        if function == "core_webservice_get_site_info":
            return 200, {}, json.dumps(self._info())
        said = f"You sent {' and '.join(fields.values())}, that is {body}"
        match self.place:
            case "exception":
                fault = {"exception": "moodle_exception", "errorcode": "x", "message": said}
                return 200, {}, json.dumps(fault | {"debuginfo": said})
            case "warning":
                warning = {"item": "x", "itemid": 1, "warningcode": "x", "message": said}
                return 200, {}, json.dumps({"status": False, "warnings": [warning]})
            case "answer":
                told: Any = {"text": said, "each": list(fields.values()), body: body}
                return 200, {}, json.dumps([told])
            case "veiled":
                # The letters are adjacent only after HTML is turned into text.
                name, description = ("&zwnj;" * 9).join(said), "<i hidden>no</i>".join(said)
                told = {"id": 1, "name": name, "description": description, "descriptionformat": 1}
                return 200, {}, json.dumps([told])
            case "page":
                return 200, {"Content-Type": "text/html"}, f"<html><p>{said}</p></html>"
            case "status":
                return 500, {}, said
            case _:
                return 303, {"Location": f"{self.url}/other/{fields.get('wstoken', '')}?{body}"}, ""

    def _info(self) -> dict[str, Any]:
        return {
            "sitename": f"Site {TOKEN}",
            "siteurl": self.url,
            "userid": 2,
            "username": TOKEN,
            "fullname": TOKEN.upper(),
            "release": "4.5.6",
            "functions": [{"name": name, "version": "1"} for name in self.functions],
            "downloadfiles": 1,
            "uploadfiles": 1,
        }


@contextmanager
def echoing_site(functions: list[str]) -> Generator[EchoingSite]:
    """Serve such a site on a loopback port."""
    site = EchoingSite(functions)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            status, headers, text = site.answer(body)
            data = text.encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
