"""Render pages: templates, texts in the browser's language, and the headers that protect them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

_HERE: Final = Path(__file__).parent
_ENGLISH: Final = "en"
_MOST_LANGUAGES: Final = 20


class Renderer:
    """Renders the templates of this package. Templates and texts are loaded once."""

    def render(
        self,
        request: Request,
        template: str,
        status: int = 200,
        *,
        redirects_to: str = "",
        **values: Any,
    ) -> Response:
        """Return a page. `redirects_to` is a source expression that its forms may lead to."""
        language = self._language(request.headers.get("accept-language", ""))
        texts = self._texts[_ENGLISH] | self._texts[language]

        def text(key: str, **given: object) -> str:
            return texts[key].format_map(given)

        page = self._templates.get_template(f"{template}.html")
        html = page.render(t=text, language=language, **values)
        return HTMLResponse(html, status, _headers(redirects_to))

    def style(self, _: Request) -> Response:
        """Return the style sheet."""
        headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
        return Response(self._style, headers=headers, media_type="text/css")

    @cached_property
    def _templates(self) -> Environment:
        return Environment(
            loader=FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    @cached_property
    def _texts(self) -> Mapping[str, dict[str, str]]:
        return {
            path.stem: tomllib.loads(path.read_text(encoding="utf-8"))
            for path in sorted((_HERE / "texts").glob("*.toml"))
        }

    @cached_property
    def _style(self) -> bytes:
        return (_HERE / "style.css").read_bytes()

    def _language(self, accepted: str) -> str:
        """The language that a browser likes best of those there are."""
        for _, language in sorted(_weighed(accepted), key=lambda each: -each[0]):
            if language in self._texts:
                return language
        return _ENGLISH


def _weighed(accepted: str) -> list[tuple[float, str]]:
    found: list[tuple[float, str]] = []
    for part in accepted.split(",")[:_MOST_LANGUAGES]:
        language, _, weight = part.strip().partition(";q=")
        try:
            found.append((float(weight or 1), language.partition("-")[0].lower()))
        except ValueError:
            continue
    return found


def _headers(redirects_to: str) -> dict[str, str]:
    policy = (
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action 'self' {redirects_to}"
    )
    return {
        "Content-Security-Policy": policy.strip(),
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
