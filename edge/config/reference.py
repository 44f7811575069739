"""`python -m edge.config.reference`: every key with its meaning and default, as configs/reference.yaml shows it."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from edge.config.parts import Section
from edge.config.rules import Alarms, Calibration, Limits, Line, Queue, Turn, Zone
from edge.config.schema import Analyse, Broker, Camera, Edge, Metrics, Source, Storage, Tls

BELOW: dict[tuple[type[Section], str], type[Section]] = {
    (Edge, "broker"): Broker,
    (Edge, "storage"): Storage,
    (Edge, "metrics"): Metrics,
    (Broker, "tls"): Tls,
    (Camera, "source"): Source,
    (Camera, "analyse"): Analyse,
    (Camera, "lines"): Line,
    (Camera, "zones"): Zone,
    (Camera, "turns"): Turn,
    (Camera, "queues"): Queue,
    (Camera, "calibration"): Calibration,
    (Zone, "alarms"): Alarms,
    (Alarms, "crowd_count"): Limits,
}
"""The section that stands under a key."""


def reference() -> str:
    """The text of configs/reference.yaml."""
    head = "# Every key, made from the code by `python -m edge.config.reference`. Values are the defaults."
    parts = [head, "", "# ---- edge.yaml: the device", *_section(Edge, 0)]
    parts += ["", "# ---- cameras/<id>.yaml: a camera; lists show one entry", *_section(Camera, 0)]
    return "\n".join(parts) + "\n"


def _section(schema: type[Section], depth: int) -> Iterator[str]:
    pad = "#   " + "  " * depth
    for key, field in schema.model_fields.items():
        below = BELOW.get((schema, key))
        yield from textwrap.wrap(" ".join((field.description or "").split()), 100, initial_indent=f"{pad}# ",
                                 subsequent_indent=f"{pad}# ")  # fmt: skip
        listed = below in (Line, Zone, Turn, Queue)
        yield f"{pad}{key}:{' (a list)' if listed else '' if below else _value(field)}"
        if below:
            yield from _section(below, depth + (2 if listed else 1))


def _value(field: FieldInfo) -> str:
    if field.is_required():
        return " (must be given)"
    default = field.default
    if default is None:
        return " (none)"
    if isinstance(default, Section):
        return " {}"
    if isinstance(default, tuple):
        return f" [{', '.join(map(str, default))}]"
    return f" {str(default).lower() if isinstance(default, bool) else default or '(empty)'}"


if __name__ == "__main__":
    sys.stdout.write(reference())
