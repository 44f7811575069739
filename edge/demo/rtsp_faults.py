"""What can be wrong with the simulated camera, and the commands that make it so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.demo.rtsp_session import Site
    from edge.demo.rtsp_stream import Stream

COMMANDS = """\
hang | answer                       take connections and say nothing
shut | open                         take connections and close them at once
decline | grant                     answer every SETUP with 453, not enough bandwidth
refuse-login | accept-login         answer every login with 401
room N | room any                   answer logins beyond N connections with 401, as some brands do
lock N                              refuse every login after N wrong ones from now on, 0 for never
logins                              tell {"logins": {"wrong": 2, "locked": false}}
stall NAME | resume NAME            send nothing; viewers go on at the next key frame
reset NAME                          break every connection once
break NAME SECONDS                  break every connection that long after it began, 0 for never
loss NAME SHARE                     lose that share of the packets
corrupt NAME SHARE                  damage that share of the NAL units
stutter NAME | flow NAME            stop for a second every ten
keyless NAME | keyed NAME           leave the key frames out
unknown-codec NAME | known-codec NAME
hide NAME | unhide NAME             answer with 404, not found
sound NAME | video NAME             describe a sound and no video
change NAME OTHER                   go on with the clip of the stream OTHER, whatever was described
clock NAME right|frozen|fast|slow|jumping   the times of the stream
wrap NAME                           let the times of new viewers pass 2**32 after three seconds
wall NAME SECONDS                   set the clock of the sender reports ahead by so much
"""

STUTTER_SECONDS = (10.0, 1.0)
"""Every so many seconds, a stop of so many."""

JUMP_SECONDS = 3600.0
HOLD_SECONDS = 4.0
"""How far a jumping clock jumps forth and back, and how long it stays."""


@dataclass(slots=True)
class Logins:
    """The account of a camera: `refusing` answers every login with 401, `lock_after` so many `wrong` ones too."""

    refusing: bool = False
    lock_after: int | None = None
    wrong: int = 0

    @property
    def locked(self) -> bool:
        """Whether the account is locked now."""
        return self.lock_after is not None and self.wrong >= self.lock_after


@dataclass(slots=True)
class Faults:
    """What is wrong with a stream now: `loss` and `corrupt` are shares of packets and NAL units, 0 to 1; `life` the
    seconds after which a connection breaks, `wall` those by which the sender reports are ahead, 0 for none."""

    stalled: bool = False
    loss: float = 0.0
    corrupt: float = 0.0
    life: float = 0.0
    stutters: bool = False
    keyless: bool = False
    unknown_codec: bool = False
    hidden: bool = False
    sound: bool = False
    clock: str = "right"
    frozen_at: float | None = None
    wraps: bool = False
    wall: float = 0.0

    def silent(self, seconds: float) -> bool:
        """Whether nothing is sent at this second of the stream."""
        every, stop = STUTTER_SECONDS
        return self.stalled or (self.stutters and seconds % every < stop)

    def stamped(self, seconds: float) -> float:
        """What the stream's clock says at `seconds`."""
        match self.clock:
            case "frozen":
                self.frozen_at = seconds if self.frozen_at is None else self.frozen_at
                return self.frozen_at
            case "fast":
                return seconds * 2
            case "slow":
                return seconds / 2
            case "jumping":
                return seconds + JUMP_SECONDS * (int(seconds / HOLD_SECONDS) % 2)
        return seconds


def obey(site: Site, words: list[str]) -> dict[str, object] | None:
    """Do what a command of COMMANDS says; what it tells, if anything.

    Raises:
        KeyError: there is no such stream.
        ValueError: there is no such command, or its number is none.
    """
    match words:
        case ["hang" | "answer" as verb]:
            site.hanging = verb == "hang"
        case ["shut" | "open" as verb]:
            site.shut = verb == "shut"
        case ["decline" | "grant" as verb]:
            site.declining = verb == "decline"
        case ["refuse-login" | "accept-login" as verb]:
            site.logins.refusing = verb == "refuse-login"
        case ["room", number]:
            site.room = None if number == "any" else int(number)
        case ["lock", number]:
            site.logins.lock_after, site.logins.wrong = int(number) or None, 0
        case ["logins"]:
            return {"logins": {"wrong": site.logins.wrong, "locked": site.logins.locked}}
        case [verb, name, *rest]:
            stream = site.streams[name]
            if (verb, len(rest)) == ("change", 1):
                stream.change(site.streams[rest[0]].clip)
            else:
                _spoil(stream, verb, rest)
        case _:
            raise ValueError(words)
    return None


def _spoil(stream: Stream, verb: str, rest: list[str]) -> None:
    faults = stream.faults
    match verb, rest:
        case "resume", []:
            stream.resume()
        case "reset", []:
            stream.reset()
        case (("loss" | "corrupt" | "wall"), [number]):
            setattr(faults, verb, float(number))
        case "break", [number]:
            faults.life = float(number)
        case "clock", [("right" | "frozen" | "fast" | "slow" | "jumping") as clock]:
            faults.clock, faults.frozen_at = clock, None
        case _, []:
            _switch(faults, verb)
        case _:
            raise ValueError(verb)


def _switch(faults: Faults, verb: str) -> None:
    switches = {
        "stall": ("stalled", True),
        "stutter": ("stutters", True),
        "flow": ("stutters", False),
        "keyless": ("keyless", True),
        "keyed": ("keyless", False),
        "unknown-codec": ("unknown_codec", True),
        "known-codec": ("unknown_codec", False),
        "hide": ("hidden", True),
        "unhide": ("hidden", False),
        "sound": ("sound", True),
        "video": ("sound", False),
        "wrap": ("wraps", True),
    }
    if verb not in switches:
        raise ValueError(verb)
    name, value = switches[verb]
    setattr(faults, name, value)
