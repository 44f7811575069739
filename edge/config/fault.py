"""How a fault in the sense of a value is told."""

from __future__ import annotations

from pydantic_core import PydanticCustomError

from edge.config.document import SHOWN, hidden


def fault(kind: str, *, expected: str, found: str, do: str, place: tuple[str | int, ...] = ()) -> PydanticCustomError:
    """A fault in the sense of a value, told like every other: what was expected, what was found, what to do; `place`
    leads from the value that is checked to the part of it that is at fault."""
    context = {"kind": kind, "expected": expected, "found": found, "do": do, "place": place}
    return PydanticCustomError("edge", "{kind}", context)


def shown(value: object) -> str:
    """What stands there, without any password that somebody wrote in a wrong place."""
    written = str(value).lower() if isinstance(value, bool) else repr(value) if isinstance(value, str) else str(value)
    return cut(hidden(written))


def cut(text: str) -> str:
    """The text, or its beginning where it is too long to be told."""
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."
