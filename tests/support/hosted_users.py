"""People who are signed in to a server for several people, and what they send."""

from __future__ import annotations

import json
from typing import Any

import httpx2

from tests.support.hosted import Agent


def envelope(answer: httpx2.Response) -> dict[str, Any]:
    """The result of a call, whatever the kind of answer."""
    assert answer.status_code == 200, answer.text
    text = answer.text
    if answer.headers["content-type"].startswith("text/event-stream"):
        text = next(line[5:] for line in text.splitlines() if line.startswith("data:"))
    return json.loads(text)["result"]["structuredContent"]


class User:
    """Somebody with an agent of their own."""

    def __init__(self, agent: Agent, token: str) -> None:
        self.agent = agent
        self.token = token

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        return envelope(await self.agent.call(self.token, name, **arguments))

    async def post(self, body: dict[str, Any], **headers: str) -> httpx2.Response:
        """Send a message of the older protocols."""
        given = {"Authorization": f"Bearer {self.token}", **headers}
        accepted = {"Accept": "application/json, text/event-stream"}
        return await self.agent.http.post(
            self.agent.site.mcp, json=body, headers={**accepted, **given}
        )

    async def session(self) -> str:
        answer = await self.post(
            {
                "jsonrpc": "2.0",
                "id": 1,
                "method": "initialize",
                "params": {
                    "protocolVersion": "2025-11-25",
                    "capabilities": {},
                    "clientInfo": {"name": "test", "version": "1"},
                },
            }
        )
        session = answer.headers["mcp-session-id"]
        await self.post(
            {"jsonrpc": "2.0", "method": "notifications/initialized"}, **{"mcp-session-id": session}
        )
        return session


async def user(
    agent: Agent,
    username: str,
    scopes: tuple[str, ...] = ("moodle:write", "moodle:destructive"),
) -> User:
    """Let somebody sign in."""
    return User(agent, (await agent.tokens(username, scopes))["access_token"])
