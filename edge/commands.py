"""What the centre may ask of a device: `resend`, `rebirth` and, in a later version, `reload`."""

from __future__ import annotations

from dataclasses import dataclass

from edge import events
from edge.store.outbox import Outbox
from edge.store.trim import Lost


@dataclass(frozen=True, slots=True)
class Obeyed:
    """The answer to a command, and whether all states are to be told anew."""

    answer: dict[str, object]
    rebirth: bool = False


def obey(verb: str, body: bytes, outbox: Outbox) -> Obeyed:
    """Does what a command asks of the outbox; whatever its bytes are, there is an answer."""
    match verb:
        case "resend":
            return _resend(body, outbox)
        case "rebirth":
            return Obeyed({"ok": True}, rebirth=True)
        case "reload":
            return _refusal("not supported by this version")
    return _refusal("no such command, expected resend or rebirth")


def _resend(body: bytes, outbox: Outbox) -> Obeyed:
    try:
        wanted = events.Resend.model_validate_json(body)
    except ValueError:
        return _refusal('not understood, expected {"epoch":"8 hex digits","from":1,"to":2}')
    if not wanted.first <= wanted.last < 2**63:
        return _refusal("no such messages, expected from <= to")
    last = outbox.last
    if wanted.epoch != last.epoch:
        outbox.note_lost(Lost(wanted.epoch, wanted.first, wanted.last, "of an epoch that this device no longer has"))
        return Obeyed({"ok": True, "again": 0})
    until = min(wanted.last, last.seq)  # a number that was not given out yet is not lost
    if wanted.first > until:
        return _refusal(f"no such messages, the last one is {last.seq}")
    return Obeyed({"ok": True, "again": outbox.send_again(last.epoch, first=wanted.first, last=until)})


def _refusal(error: str) -> Obeyed:
    return Obeyed({"ok": False, "error": error})
