"""A YAML file as plain values with the place of each: the JSON of YAML and its comments, within bounds.

Of YAML's types there are texts, numbers, true, false and null; explicit types (`!!x`) are refused, and so are merges
(`<<`). Whatever the bytes, there is a document or one fault of one line, soon.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from edge.errors import UNPRINTABLE, EdgeError, plain

Place = tuple[str | int, ...]
BYTES_MOST = 256 << 10
VALUES_MOST = 10_000
"""Values of a file, those that an alias repeats counted each time: twenty times the largest camera's."""
DEPTH_MOST = 20
SHOWN = 60
"""Characters of a key that are shown."""

_LOGIN = re.compile(r"//[^/\s]*@")
_NUMBER = re.compile(
    r"(?P<int>[-+]?[0-9]{1,30})|(?P<octal>0o[0-7]{1,20})|(?P<hex>0x[0-9a-fA-F]{1,20})"
    r"|(?P<float>[-+]?(\.[0-9]{1,30}|[0-9]{1,30}(\.[0-9]{0,30})?)([eE][-+]?[0-9]{1,5})?)"
    r"|(?P<inf>[-+]?\.(inf|Inf|INF))|(?P<nan>\.(nan|NaN|NAN))"
)
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def hidden(text: str) -> str:
    """The text without any `user:password@` in it, at the beginning of an address or alone."""
    return re.sub(r"\S+", _hidden_word, _LOGIN.sub("//…@", text)) if "@" in text else text


def _hidden_word(found: re.Match[str]) -> str:
    """Not one expression, which would take its time over a long word."""
    word = found.group()
    end = word.rfind("@")
    colon = word.find(":", 0, max(end, 0))
    if colon < 0 or word[end - 3 : end] == "//…":
        return word
    start = max(word.rfind(mark, 0, colon) for mark in "'\"[({,") + 1
    return f"{word[:start]}…{word[end:]}"


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault of one file, at a line and column that count from 1; `text` is one line and shows no login."""

    file: Path
    line: int
    column: int
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", plain(hidden(self.text)))

    def __str__(self) -> str:
        return plain(f"{self.file}:{self.line}:{self.column}: {self.text}")


class FileError(EdgeError):
    """A file that cannot be used; `faults` lists everything that is wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        first = faults[0]
        more = f" (and {len(faults) - 1} more: run edge check)" if len(faults) > 1 else ""
        super().__init__(f"{first.file}:{first.line}:{first.column}", f"{first.text}{more}")
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Document:
    """A file's content: dicts with texts as keys, lists and plain values; and where each key and value stands, by line
    and column from 0. What an alias repeats stands where the alias does."""

    file: Path
    content: dict[str, Any] = field(repr=False)
    keys: dict[Place, tuple[int, int]] = field(repr=False)
    values: dict[Place, tuple[int, int]] = field(repr=False)

    def fault(self, place: Place, text: str) -> Fault:
        """A fault at a place of the document, or at the nearest part of the way there that the file has."""
        while place and place not in self.values:
            place = place[:-1]
        node: Any = self.content
        for step in place:
            node = node[step]
        at = self.keys[place] if place in self.keys and isinstance(node, dict) else self.values.get(place, (0, 0))
        return Fault(self.file, at[0] + 1, at[1] + 1, text)

    def key_fault(self, place: Place, text: str) -> Fault:
        """A fault of a key itself rather than of its value."""
        if place not in self.keys:
            return self.fault(place, text)
        line, column = self.keys[place]
        return Fault(self.file, line + 1, column + 1, text)


def read(file: Path) -> Document:
    """The YAML document of a file; FileError where it cannot be read or is no YAML mapping."""
    try:
        with file.open("rb") as stream:
            data = stream.read(BYTES_MOST + 1)
        text = data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why, do = "it is not UTF-8 text", "save it as UTF-8, which an editor asks for under Save as"
        if isinstance(error, OSError):
            why, do = error.strerror or type(error).__name__, "put a YAML file there"
        raise FileError([Fault(file, 1, 1, f"the file cannot be read, {why}; {do}")]) from None
    if len(data) > BYTES_MOST:
        raise FileError([Fault(file, 1, 1, f"the file is too long, expected {BYTES_MOST >> 10} KiB at most")])
    try:
        return _Composer(file, text).document()
    except MarkedYAMLError as error:
        raise FileError([_open_quote(file, text, error) or _unreadable(file, error)]) from None
    except (YAMLError, ValueError, OverflowError) as error:
        what = " ".join(str(error).split())[:120]
        raise FileError([Fault(file, 1, 1, f"not YAML: {what}; save the file as plain text in UTF-8")]) from None


def _unreadable(file: Path, error: MarkedYAMLError) -> Fault:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    what = " ".join(str(error.problem or error.context or "unreadable").split())
    return Fault(file, line, column, f"not YAML: {what}; {_DO.get(what, _MEND)}")


def _open_quote(file: Path, text: str, error: MarkedYAMLError) -> Fault | None:
    """The fault of a quote that nobody closed, where it opens: what is told otherwise stands many lines below."""
    if error.problem_mark is None:
        return None
    opened, closed = None, "never closes"
    if error.context == "while scanning a quoted scalar":
        opened = error.context_mark
    with suppress(YAMLError, ValueError, OverflowError):  # the tokens as far as they can be read
        for token in YAML(typ="safe", pure=True).scan(text):
            start, end = token.start_mark, token.end_mark
            if opened or start.line > error.problem_mark.line:
                break
            if getattr(token, "style", None) in ("'", '"') and start.line < end.line == error.problem_mark.line:
                opened, closed = start, f"closes only in line {end.line + 1}"
    if opened is None:
        return None
    return Fault(file, opened.line + 1, opened.column + 1, f"not YAML: {_quote(opened.line, closed)}")


def _quote(line: int, closed: str) -> str:
    return f"the quote that opens here {closed}; look for a missing quote from line {line + 1} on"


class _Composer:
    """Makes a document of the parser's events: no recursion deeper than DEPTH_MOST, no more than VALUES_MOST."""

    def __init__(self, file: Path, text: str) -> None:
        self._file = file
        self._events = YAML(typ="safe", pure=True).parse(text)
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._taken = 0
        self._keys: dict[Place, tuple[int, int]] = {}
        self._values: dict[Place, tuple[int, int]] = {}

    def document(self) -> Document:
        """The only document of the file."""
        for event in self._events:
            if type(event).__name__ == "DocumentStartEvent":
                break
        else:
            raise FileError([Fault(self._file, 1, 1, _NO_KEYS)])
        first = next(self._events)
        content = self._value(first, ())
        if not isinstance(content, dict):
            raise FileError([Fault(self._file, 1, 1, _NO_KEYS)])
        next(self._events)  # the document's end
        after = next(self._events)
        if type(after).__name__ != "StreamEndEvent":
            raise self._fault(after, "a second document begins here, expected one; take the line --- out")
        return Document(self._file, content, self._keys, self._values)

    def _value(self, event: Any, place: Place) -> Any:  # noqa: ANN401 - the parser has no types, YAML has any
        self._taken += 1
        self._bounded(event, place)
        self._values[place] = _at(event)
        kind = type(event).__name__
        if kind == "AliasEvent":
            return self._alias(event, place)
        if event.tag is not None:
            raise self._fault(event, f"types are not named here, found {str(event.tag)[:SHOWN]}; take it out")
        before, open_anchor = self._taken, event.anchor
        if open_anchor:
            self._anchors.pop(open_anchor, None)
        match kind:
            case "MappingStartEvent":
                value: Any = self._mapping(place)
            case "SequenceStartEvent":
                value = self._sequence(place)
            case _:
                value = self._scalar(event)
        if open_anchor:
            self._anchors[open_anchor] = value, self._taken - before + 1
        return value

    def _bounded(self, event: Any, place: Place) -> None:  # noqa: ANN401
        if len(place) > DEPTH_MOST:
            raise self._fault(event, f"nested too deeply, expected {DEPTH_MOST} levels at most; see configs/")
        if self._taken > VALUES_MOST:
            raise self._fault(event, f"too many values, expected {VALUES_MOST} at most; take some out")

    def _alias(self, event: Any, place: Place) -> Any:  # noqa: ANN401
        if event.anchor not in self._anchors:
            what = f"*{str(event.anchor)[:SHOWN]} names nothing that ended before; write the value out"
            raise self._fault(event, what)
        value, size = self._anchors[event.anchor]
        self._taken += size
        self._bounded(event, place)
        return value

    def _mapping(self, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while type(event := next(self._events)).__name__ != "MappingEndEvent":
            if type(event).__name__ != "ScalarEvent" or event.tag is not None:
                raise self._fault(event, "no key, expected a word before the colon; see configs/")
            key = self._text(event)
            if key in found:
                do = "decimals come after a point, such as 0.5" if key.isdigit() else _MEND
                raise self._fault(event, f"not YAML: found duplicate key {hidden(key)[:SHOWN]!r}; {do}")
            at = _at(event)
            found[key] = self._value(next(self._events), (*place, key))
            self._keys[*place, key] = at
        return found

    def _sequence(self, place: Place) -> list[Any]:
        found: list[Any] = []
        while type(event := next(self._events)).__name__ != "SequenceEndEvent":
            found.append(self._value(event, (*place, len(found))))
        return found

    def _scalar(self, event: Any) -> str | float | bool | None:  # noqa: ANN401
        text = self._text(event)
        if not event.implicit[0]:
            return text  # in quotes, or a block
        if text in _WORDS:
            return _WORDS[text]
        number = _NUMBER.fullmatch(text)
        match number and number.lastgroup:
            case "int":
                return int(text)
            case "octal" | "hex":
                return int(text, 0)
            case None:
                return text
        return float(text.replace(".inf", "inf").replace(".nan", "nan") if text[-1].isalpha() else text)

    def _text(self, event: Any) -> str:  # noqa: ANN401
        text = str(event.value)
        if found := UNPRINTABLE.search(text):
            start, end = event.start_mark.line, event.end_mark.line
            if event.style in ("'", '"') and start < end:  # lines that are empty stay in a text in quotes
                raise self._fault(event, _quote(start, f"closes only in line {end + 1}"))
            what = f"a character that cannot be printed, found U+{ord(found.group()):04X}; write it in one line of text"
            raise self._fault(event, what)
        return text

    def _fault(self, event: Any, text: str) -> FileError:  # noqa: ANN401
        line, column = _at(event)
        return FileError([Fault(self._file, line + 1, column + 1, text)])


_MEND = "mend the line or the one above"
_DO = {
    "found character '\\t' that cannot start any token": "write spaces for the tab",
    "mapping values are not allowed here": "put quotes round the text if the colon belongs to it, or mend the indent",
}
"""What to do, by what the parser says."""
_NO_KEYS = "expected keys with values, found something else; see configs/"


def _at(event: Any) -> tuple[int, int]:  # noqa: ANN401
    return event.start_mark.line, event.start_mark.column
