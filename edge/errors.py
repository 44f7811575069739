"""Faults that a person can mend. Their text is one line: where, what, what was expected and found, what to do."""

from __future__ import annotations

import re

UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, ends of lines and halves of pairs: what no line for people may hold."""
FOUND_MOST = 500
"""Characters that are shown of what was found, which may be anything."""


def plain(text: str) -> str:
    """The text as one line that every terminal and log can show, whatever was put into it."""
    return UNPRINTABLE.sub("\ufffd", " ".join(text.split()))


class EdgeError(Exception):
    """A fault told to a person in one line instead of a traceback; caught by `edge.cli` and by each process."""

    def __init__(self, where: str, what: str, *, expected: str = "", found: str = "", do: str = "") -> None:
        parts = [what]
        if expected:
            parts.append(f"expected {expected}")
        if found:
            parts.append(f"found {found if len(found) <= FOUND_MOST else found[:FOUND_MOST] + '…'}")
        line = f"{where}: {', '.join(parts)}"
        super().__init__(plain(f"{line}; {do}" if do else line))


class ModelError(EdgeError):
    """A model that cannot be used: no card, no weights, a wrong hash, a shape that its card does not describe."""


class SourceError(EdgeError):
    """A camera or a file that gives no pictures. `reason` is one word for the status message and the back-off: one
    of `edge.causes.TOLD`; `found` as in the text."""

    def __init__(self, where: str, what: str, *, reason: str, found: str = "", do: str = "") -> None:
        super().__init__(where, what, found=found, do=do)
        self.reason, self.found = reason, found
