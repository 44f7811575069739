"""Files to configuration: every fault with its file, line and column."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from edge.config.parts import ID, Section
from edge.config.schema import Camera, Edge
from edge.errors import EdgeError

Place = tuple[str | int, ...]
S = TypeVar("S", bound=Section)


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One fault of one file, at a line and column that count from 1."""

    file: Path
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.text}"


class FileError(EdgeError):
    """A file that cannot be used; `faults` lists everything that is wrong with it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        first = faults[0]
        more = f" (and {len(faults) - 1} more: run edge check)" if len(faults) > 1 else ""
        super().__init__(f"{first.file}:{first.line}:{first.column}", f"{first.text}{more}")
        self.faults = tuple(faults)


@dataclass(frozen=True, slots=True)
class Document:
    """A file's content with the place of each of its keys."""

    file: Path
    content: Any = field(repr=False)

    def fault(self, place: Place, text: str) -> Fault:
        """A fault at a place of the document, or at the nearest part of the way there that the file has."""
        line, column = self._position(place)
        return Fault(self.file, line, column, text)

    def _position(self, place: Place) -> tuple[int, int]:
        node, at = self.content, (0, 0)
        for step in place:
            if isinstance(node, CommentedMap) and step in node:
                at = node.lc.key(step) if isinstance(node[step], CommentedMap) else node.lc.value(step)
            elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
                at = node.lc.item(step)
            else:
                break
            node = node[step]
        return at[0] + 1, at[1] + 1

    def key_fault(self, place: Place, text: str) -> Fault:
        """A fault of a key itself rather than of its value."""
        node = self.content
        for step in place[:-1]:
            node = node[step]
        line, column = node.lc.key(place[-1])
        return Fault(self.file, line + 1, column + 1, text)


def read(file: Path) -> Document:
    """The YAML document of a file; FileError where it cannot be read or is no YAML mapping."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is not UTF-8 text"
        raise FileError([Fault(file, 1, 1, f"the file cannot be read, {why}; put a YAML file there")]) from None
    try:
        content = YAML(typ="rt", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        what = " ".join(str(error.problem or error.context or "unreadable").split())
        raise FileError([Fault(file, line, column, f"not YAML: {what}; mend the line or the one above")]) from None
    except YAMLError as error:
        what = " ".join(str(error).split())[:120]
        raise FileError([Fault(file, 1, 1, f"not YAML: {what}; save the file as plain text in UTF-8")]) from None
    if not isinstance(content, CommentedMap):
        raise FileError([Fault(file, 1, 1, "expected keys with values, found something else; see configs/")])
    return Document(file, content)


def parse(document: Document, schema: type[S]) -> S:
    """The document as its schema; FileError with every fault that it has."""
    try:
        return schema.model_validate(document.content)
    except ValidationError as error:
        errors: list[dict[str, Any]] = [dict(e) for e in error.errors(include_url=False)]
        misspelt = {_meant(schema, e["loc"]) for e in errors if e["type"] == "extra_forbidden"}
        faults = [_told(document, schema, e) for e in errors if e["type"] != "missing" or e["loc"] not in misspelt]
        raise FileError(sorted(faults)) from None


def load_edge(file: Path) -> Edge:
    """The device's file; FileError with every fault."""
    return parse(read(file), Edge)


def load_camera(file: Path) -> Camera:
    """A camera file; FileError with every fault."""
    return parse(read(file), Camera)


def camera_files(folder: Path) -> list[Path]:
    """The camera files of a configuration folder, by name."""
    return sorted((folder / "cameras").glob("*.yaml"))


def is_camera_id(name: str) -> bool:
    """Whether a camera can be called so: an id, and no word that the topics need."""
    return re.fullmatch(rf"(?!(cmd|status|info|gap)$){ID}", name) is not None


def camera_id(file: Path) -> str:
    """The id of a camera, which is its file's name; FileError where that is no id."""
    if not is_camera_id(file.stem):
        expected = "a-z, 0-9 and -, at most 32, and not cmd, status, info or gap"
        text = f"the file's name is no id, expected {expected}, found {file.stem!r}; rename the file"
        raise FileError([Fault(file, 1, 1, text)])
    return file.stem


EXPECTED = {
    "missing": "this key",
    "greater_than_equal": "at least {ge}",
    "less_than_equal": "at most {le}",
    "greater_than": "more than {gt}",
    "literal_error": "{expected}",
    "string_pattern_mismatch": "a-z, 0-9 and -, starting with a letter or digit, at most 32",
    "too_short": "at least {min_length} entries",
    "too_long": "at most {max_length} entries",
    "float_type": "a number",
    "float_parsing": "a number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
    "path_type": "the path of a file",
}


def _told(document: Document, schema: type[Section], error: dict[str, Any]) -> Fault:
    place: Place = _place(error["loc"], document.content)
    name = _name(place)
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return document.key_fault(place, _unknown(schema, place, name))
    if kind == "edge":
        text = f"{context['kind']}, expected {context['expected']}, found {context['found']}; {context['do']}"
        place = (*place, *context["place"])
        return document.fault(place, f"{_name(place)}: {text}" if place else text)
    limits = {key: f"{value:g}" if isinstance(value, float) else value for key, value in context.items()}
    expected = EXPECTED[kind].format(**limits) if kind in EXPECTED else error["msg"]
    found = "nothing" if kind == "missing" else _shown(error["input"])
    in_picture = kind in ("greater_than_equal", "less_than_equal") and "points" in place
    do = "points are fractions of the picture: divide pixels by its width and height" if in_picture else ""
    if kind == "missing" and isinstance(place[-1], int):
        expected = f"{place[-1] + 1} entries or more"
        place, name = place[:-1], _name(place[:-1])
    do = "add it" if kind == "missing" else do
    return document.fault(place, f"{name}: expected {expected}, found {found}" + (f"; {do}" if do else ""))


def _unknown(schema: type[Section], place: Place, name: str) -> str:
    near = _meant(schema, place)[-1]
    hint = f"did you mean {near}?" if near else "take it out, or see configs/reference.yaml"
    return f"{name}: unknown key; {hint}"


def _meant(schema: type[Section], place: Place) -> Place:
    """The place of an unknown key with the key that it is probably meant to be, empty where nothing is near."""
    near = difflib.get_close_matches(str(place[-1]), sorted(_keys(schema)), n=1)
    return (*place[:-1], near[0] if near else "")


def _keys(schema: type[Section]) -> set[str]:
    """Every key of a schema and of the sections below it."""
    found: set[str] = set()
    for key, info in schema.model_fields.items():
        found.add(key)
        for part in re.findall(r"edge\.config\.(?:schema|rules)\.(\w+)", str(info.annotation)):
            below = next((s for s in Section.__subclasses__() if s.__name__ == part), None)
            found |= _keys(below) if below else set()
    return found


def _place(location: tuple[str | int, ...], content: object) -> Place:
    """The steps of an error's location that are steps in the file (unions add names of their own)."""
    steps: list[str | int] = []
    node = content
    for position, step in enumerate(location):
        last = position == len(location) - 1
        inside = (isinstance(node, CommentedMap) and step in node) or (
            isinstance(node, CommentedSeq) and isinstance(step, int)
        )
        if inside or (last and isinstance(node, CommentedMap) and isinstance(step, str)):
            steps.append(step)
            known = inside and not (isinstance(node, CommentedSeq) and int(step) >= len(node))
            node = node[step] if known else None  # type: ignore[index]
    return tuple(steps)


def _name(place: Place) -> str:
    text = ""
    for step in place:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
