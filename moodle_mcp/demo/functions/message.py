"""core_message: instant messages."""

from __future__ import annotations

from typing import Final

from moodle_mcp.demo.call import Answer, Call, Params, option
from moodle_mcp.demo.errors import moodle_error
from moodle_mcp.demo.records import Message

_FORMATS: Final = (0, 1, 2, 4)


def send_instant_messages(call: Call, params: Params) -> list[Answer]:
    """core_message_send_instant_messages.

    Not a transaction: a message to an unknown user, or in an unknown format, fails the call with a
    misleading error, and the messages before it have been sent.
    """
    sent: list[Answer] = []
    for item in params["messages"]:
        known = call.world.user(item["touserid"]) is not None
        if not known or option(item, "textformat", 0) not in _FORMATS:
            raise moodle_error("formatnotsupported", "webservice/formatnotsupported")
        message_id = call.world.messages.next_id()
        message = Message(
            message_id,
            call.user.id,
            item["touserid"],
            _conversation(call, item["touserid"]),
            item["text"],
            option(item, "textformat", 0),
            call.now,
        )
        call.world.messages[message_id] = message
        sent.append(_sent(message, item.get("clientmsgid")))
    return sent


def _conversation(call: Call, recipient: int) -> int:
    people = {call.user.id, recipient}
    messages = call.world.messages.values()
    known = (each.conversation for each in messages if {each.sender, each.recipient} == people)
    return next(known, 1 + max((each.conversation for each in messages), default=0))


def _sent(message: Message, client_id: str | None) -> Answer:
    answer: Answer = {"msgid": message.id}
    if client_id is not None:
        answer["clientmsgid"] = client_id
    return answer | {
        "text": message.text,
        "timecreated": message.created,
        "conversationid": message.conversation,
        "useridfrom": message.sender,
        "candeletemessagesforallusers": False,
    }
