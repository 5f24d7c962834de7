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


def get_messages(call: Call, params: Params) -> Answer:
    """core_message_get_messages, without notifications, and as if nothing had been read."""
    sender, recipient = option(params, "useridfrom", 0), params["useridto"]
    if call.user.id not in (sender, recipient):
        call.require_staff("Read all messages on site")
    found = [
        each
        for each in call.world.messages.values()
        if sender in (0, each.sender) and recipient in (0, each.recipient)
    ]
    if option(params, "newestfirst", usual=True):
        found.reverse()
    if params["type"] == "notifications" or option(params, "read", 1) == 1:
        found = []
    start, most = option(params, "limitfrom", 0), option(params, "limitnum", 0)
    shown = found[start : start + most] if most else found[start:]
    return {"messages": [_received(call, each) for each in shown], "warnings": []}


def _received(call: Call, message: Message) -> Answer:
    sender, recipient = call.world.users[message.sender], call.world.users[message.recipient]
    return {
        "id": message.id,
        "useridfrom": message.sender,
        "useridto": message.recipient,
        "subject": f"New message from {sender.fullname}",
        "text": f"<p>{message.text}</p>",
        "fullmessage": message.text,
        "fullmessageformat": message.format,
        "fullmessagehtml": "",
        "smallmessage": message.text,
        "notification": 0,
        "contexturl": "",
        "contexturlname": "",
        "timecreated": message.created,
        "timeread": None,
        "usertofullname": recipient.fullname,
        "userfromfullname": sender.fullname,
    }


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
