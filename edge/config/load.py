"""Files to configuration: every fault with its file, line and column."""

from __future__ import annotations

import difflib
import re
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from edge.config.advice import advice, comma, is_drawn
from edge.config.document import SHOWN, Document, Fault, FileError, Place, hidden, read
from edge.config.fault import cut, shown
from edge.config.parts import ID, Section
from edge.config.schema import Camera, Edge

S = TypeVar("S", bound=Section)
FAULTS_MOST = 100
"""Faults of a file that are told; who has more mends these first."""


def parse(document: Document, schema: type[S]) -> S:
    """The document as its schema; FileError with every fault that it has."""
    try:
        return schema.model_validate(document.content)
    except ValidationError as error:
        errors: list[dict[str, Any]] = [dict(e) for e in error.errors(include_url=False)]
        misspelt = {_meant(schema, e["loc"]) for e in errors if e["type"] == "extra_forbidden"}
        wrong = _of_one_choice([e for e in errors if e["type"] != "missing" or e["loc"] not in misspelt])
        faults = sorted(_told(document, schema, e) for e in wrong[:FAULTS_MOST])
        if len(wrong) > FAULTS_MOST:
            left = f"{len(wrong) - FAULTS_MOST} more faults, not told one by one; mend the others first"
            faults.append(Fault(document.file, faults[-1].line, faults[-1].column, left))
        raise FileError(faults) from None


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
    "finite_number": "a finite number",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text",
    "string_too_short": "text",
    "tuple_type": "a list",
    "model_type": "keys with values",
    "dict_type": "a factor for each class, such as {{bicycle: 0.2, motorcycle: 0.25, car: 1, bus: 2.5, truck: 2}}",
    "model_attributes_type": "keys with values",
    "path_type": "the path of a file",
}


_KEYED = ("dict_type", "model_type", "model_attributes_type")


def _of_one_choice(errors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The errors without those that repeat others: of a value that may be a word or keys, the word where there are
    keys, and the keys where there is neither; of entries that are missing, all but the last;
    and that entries are missing, where they are only wrong."""
    places = {e["loc"] for e in errors if e["type"] == "missing"}
    keyed = {e["loc"][:-1]: e["type"] for e in errors if e["type"] in _KEYED and _is_choice(e["loc"])}
    left: list[dict[str, Any]] = []
    for error in errors:
        kind, loc = error["type"], error["loc"]
        repeated = kind == "missing" and isinstance(loc[-1], int) and (*loc[:-1], loc[-1] + 1) in places
        if _is_choice(loc) and kind == "literal_error":
            repeated = isinstance(error["input"], dict)
            if loc[:-1] in keyed:
                either = f"{error['ctx']['expected']}, or {EXPECTED[keyed[loc[:-1]]].format()}"
                error = {**error, "ctx": {"expected": either}}
        elif _is_choice(loc) and kind in _KEYED:
            repeated = True
        elif kind == "too_short":  # pydantic counts only the entries that are right
            repeated = len(error["input"]) >= error["ctx"]["min_length"]
        if not repeated:
            left.append(error)
    return left


def _is_choice(location: Place) -> bool:
    """Whether an error is of one of several forms that a value may have: the last step names the form."""
    return bool(location) and isinstance(location[-1], str) and "[" in location[-1]


def _told(document: Document, schema: type[Section], error: dict[str, Any]) -> Fault:
    place: Place = _place(error["loc"], document.content)
    name = name_of(place)
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        return document.key_fault(place, _unknown(schema, place, name, document))
    if kind == "edge":
        text = f"{context['kind']}, expected {context['expected']}, found {context['found']}; {context['do']}"
        place = (*place, *context["place"])
        return document.fault(place, f"{name_of(place)}: {text}" if place else text)
    limits = {key: f"{value:g}" if isinstance(value, float) else value for key, value in context.items()}
    expected = EXPECTED[kind].format(**limits) if kind in EXPECTED else error["msg"]
    found = "nothing" if error["input"] is None or kind == "missing" else _shown(error["input"], at=place)
    do = advice(error, place)
    if kind == "too_short":
        found = str(len(error["input"]))
    if kind in ("greater_than_equal", "less_than_equal") and is_drawn(place) and "pixels" not in do:
        expected = "0 to 1 (fractions of the picture)"
    if kind == "missing" and isinstance(place[-1], int):
        entries = place[-2] if place[-2:-1] and place[-2] in ("names", "points") else "entries"
        expected, found, do = f"{place[-1] + 1} {entries}", str(len(error["input"])), "add what is missing"
        place, name = place[:-1], name_of(place[:-1])
    return document.fault(place, f"{name}: expected {expected}, found {found}" + (f"; {do}" if do else ""))


def _unknown(schema: type[Section], place: Place, name: str, document: Document) -> str:
    if place[-1] == "<<":
        return f"{name}: keys are not taken over from elsewhere; write them out here"
    near = _meant(schema, place)[-1]
    section: Any = document.content
    for step in place[:-1]:
        section = section[step]
    slip = comma(place[-1], section=section)
    if near == str(place[-1]).lower() and near not in _section(schema, place).model_fields:
        return f"{name}: unknown key; it belongs to another part of the file, see configs/reference.yaml"
    hint = f"did you mean {near}?" if near else slip or "take it out, or see configs/reference.yaml"
    return f"{name}: unknown key; {hint}"


def _meant(schema: type[Section], place: Place) -> Place:
    """The place of an unknown key with the key that it is probably meant to be, empty where nothing is near."""
    key, own = str(place[-1])[:SHOWN].lower(), sorted(_section(schema, place).model_fields)
    known = sorted(_keys(schema))
    one = f"{key}s" in own  # of what is a list here, such as queue for queues
    near = [f"{key}s"] if one else [] if key in known else difflib.get_close_matches(key, own, n=1)
    near = near or difflib.get_close_matches(key, known, n=1)
    return (*place[:-1], near[0] if near else "")


def _section(schema: type[Section], place: Place) -> type[Section]:
    """The section in which the last step of a place is a key, as far as the steps before name sections."""
    for step in place[:-1]:
        below = _below(schema.model_fields[step].annotation) if step in schema.model_fields else []
        schema = below[0] if below else schema
    return schema


def _below(annotation: object) -> list[type[Section]]:
    """The sections that a key with this annotation may hold."""
    names = re.findall(r"edge\.config\.(?:schema|rules)\.(\w+)", str(annotation))
    return [section for name in names for section in Section.__subclasses__() if section.__name__ == name]


def _keys(schema: type[Section]) -> set[str]:
    """Every key of a schema and of the sections below it."""
    found: set[str] = set()
    for key, info in schema.model_fields.items():
        found.add(key)
        for below in _below(info.annotation):
            found |= _keys(below)
    return found


def _place(location: Place, content: object) -> Place:
    """The steps of an error's location that are steps in the file (unions add names of their own)."""
    steps: list[str | int] = []
    node = content
    for position, step in enumerate(location):
        last = position == len(location) - 1
        if isinstance(node, dict) and (step in node or (last and isinstance(step, str) and "[" not in step)):
            steps.append(step)
            node = node.get(step)
        elif isinstance(node, list) and isinstance(step, int):
            steps.append(step)
            node = node[step] if step < len(node) else None
    return tuple(steps)


def name_of(place: Place) -> str:
    """What a place is called in a fault, such as lines[0].points."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + cut(hidden(step))
    return text


def _shown(value: object, *, at: Place) -> str:
    return "something else" if "credentials" in at else shown(value)
