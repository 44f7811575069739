"""Faults that a person can mend. Their text is one line: where, what, what was expected and found, what to do."""

from __future__ import annotations


class EdgeError(Exception):
    """A fault told to a person in one line instead of a traceback; caught by `edge.cli` and by each process."""

    def __init__(self, where: str, what: str, *, expected: str = "", found: str = "", do: str = "") -> None:
        parts = [what]
        if expected:
            parts.append(f"expected {expected}")
        if found:
            parts.append(f"found {found}")
        line = f"{where}: {', '.join(parts)}"
        super().__init__(" ".join((f"{line}; {do}" if do else line).split()))


class ModelError(EdgeError):
    """A model that cannot be used: no card, no weights, a wrong hash, a shape that its card does not describe."""


class SourceError(EdgeError):
    """A camera or a file that gives no pictures. `reason` is one word for the status message and the back-off:
    refused, timeout, auth, notfound, codec, ended, reset, novideo."""

    def __init__(self, where: str, what: str, *, reason: str, found: str = "", do: str = "") -> None:
        super().__init__(where, what, found=found, do=do)
        self.reason = reason
