"""When to send how much, and when to send again; on a monotonic clock in seconds that the caller gives."""

from __future__ import annotations

from edge.dataflow import Stamp

STANDSTILL_SECONDS = 30.0
"""A confirmation that does not move for so long while messages are out makes them go out again."""
LONGEST_STANDSTILL_SECONDS = 600.0


class Pace:
    """At most `rate` a second over time, and at most `burst` at once."""

    def __init__(self, *, rate: float, burst: int) -> None:
        self._rate, self._burst = rate, burst
        self._saved, self._at = float(burst), -1.0

    def allowed(self, now: float) -> int:
        """How many may go now."""
        if self._at >= 0:
            self._saved = min(self._burst, self._saved + (now - self._at) * self._rate)
        self._at = now
        return int(self._saved)

    def spend(self, number: int) -> None:
        """Notes that so many went."""
        self._saved -= number


class Confirmation:
    """What a centre has stored of the present epoch, and whether it stands still while messages are out.

    The pause between two rounds doubles, so that a dead centre causes no flood; progress begins it anew.
    """

    def __init__(self, *, first_pause: float = STANDSTILL_SECONDS) -> None:
        self._first_pause = self._pause = first_pause
        self._out_since: float | None = None
        self.stored: Stamp | None = None

    def confirmed(self, stamp: Stamp, *, out: bool, now: float) -> None:
        """Takes a confirmation in; `out` says whether messages beyond it were taken by the broker."""
        if self.stored is None or stamp.epoch != self.stored.epoch or stamp.seq > self.stored.seq:
            self.stored, self._pause = stamp, self._first_pause
            self._out_since = now if out else None

    def sent(self, seq: int, *, now: float) -> None:
        """Notes that the broker took messages, the highest of them numbered `seq`."""
        if self._out_since is None and (self.stored is None or seq > self.stored.seq):
            self._out_since = now

    def delay(self, now: float) -> None:
        """Begins the wait anew: the centre had no chance yet."""
        if self._out_since is not None:
            self._out_since = now

    def standing(self, now: float) -> Stamp | None:
        """The confirmation after which everything must be sent again, once each time that this is due."""
        if self.stored is None or self._out_since is None or now - self._out_since < self._pause:
            return None
        self._out_since = now
        self._pause = min(2 * self._pause, LONGEST_STANDSTILL_SECONDS)
        return self.stored

    def idle(self) -> None:
        """Notes that nothing is out."""
        self._out_since, self._pause = None, self._first_pause


class Rest:
    """What the broker refused waits: one kind of message for a while, or all of them, each time for longer."""

    def __init__(self, *, seconds: float, first_pause: float, longest_pause: float) -> None:
        self._seconds, self._first, self._longest = seconds, first_pause, longest_pause
        self.clear()

    def clear(self) -> None:
        """Forgets every refusal: with a new connection the broker may think better of it."""
        self._kinds: dict[str, float] = {}
        self._all_until, self._pause = 0.0, self._first

    def hold(self, kind: str, now: float) -> None:
        """Lets one kind wait, no longer where it does already."""
        if kind not in self.held(now):
            self._kinds[kind] = now + self._seconds

    def held(self, now: float) -> list[str]:
        """The kinds that wait."""
        self._kinds = {kind: until for kind, until in self._kinds.items() if until > now}
        return sorted(self._kinds)

    def hold_all(self, now: float) -> float:
        """Lets everything wait; for how many seconds, or 0 where it does already."""
        if self.all_held(now):
            return 0.0
        pause, self._pause = self._pause, min(2 * self._pause, self._longest)
        self._all_until = now + pause
        return pause

    def all_held(self, now: float) -> bool:
        """Whether everything waits."""
        return now < self._all_until

    def taken(self) -> None:
        """Notes that the broker takes messages again."""
        self._pause = self._first


class Seldom:
    """Lets one of many alike through at once, and then one in so many seconds."""

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self._at = float("-inf")
        self._held = 0

    def held_back(self, now: float) -> int | None:
        """How many were held back since the last one that was let through; None where this one is held back too."""
        if now - self._at < self._seconds:
            self._held += 1
            return None
        held, self._held, self._at = self._held, 0, now
        return held
