"""Every number of a camera file and of edge.yaml: true and false are none, one in quotes is the same number."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from config_ import faults

from edge.config.load import load_camera, load_edge
from edge.config.parts import Section
from edge.config.schema import Camera, Edge

CAMERA = """\
analyse: {rate: 5, tiles: [2, 2]}
mask: [[[0, 0], [1, 0], [1, 0.1]]]
lines: [{id: l, points: [[0.1, 0.5], [0.9, 0.5]], every: 300}]
zones:
  - {id: z, points: [[0, 0], [1, 0], [1, 1]], area_m2: 9, every: 60, alarms: {crowd_count: {levels: [[20, 10]],
     on_seconds: 20, off_seconds: 60}}}
turns: [{id: t, entries: [l], exits: [l], within_seconds: 120, every: 300}]
queues: [{id: q, stop_line: l, lane: [[0, 0], [1, 0], [1, 1]], every: 60}]
calibration: {points: [[[0.1, 0.8], [0, 0]], [[0.9, 0.8], [12, 0]], [[0.7, 0.4], [12, 31]], [[0.3, 0.4], [0, 31]]]}
pcu: {bicycle: 0.2, motorcycle: 0.25, car: 1, bus: 2.5, truck: 2}
"""
EDGE = """\
node: a
broker: {host: b, port: 8883, keepalive_seconds: 30}
storage: {flush_seconds: 30, outbox_mb: 256}
metrics: {port: 9100}
"""
FILES = {CAMERA: load_camera, EDGE: load_edge}
NUMBER = re.compile(r"(?<=[\[ ])[0-9.]+(?=[\],}])")
PLACES = [(text, found.span()) for text in FILES for found in NUMBER.finditer(text)]


@pytest.mark.parametrize("word", ["true", "False"])
@pytest.mark.parametrize(("text", "place"), PLACES)
def test_true_or_false_where_a_number_stands_is_one_fault_at_its_place(tmp_path, text, place, word):
    start, end = place
    ((line, column, told),) = faults(tmp_path, text[:start] + word + text[end:], load=FILES[text])
    assert (line, column) == (text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start))
    assert re.fullmatch(rf"[\w.\[\]]+: expected a (whole )?number, found {word.lower()}; (write|give|choose) .+", told)


@pytest.mark.parametrize(("text", "load"), [*FILES.items()])
def test_numbers_in_quotes_are_the_same_numbers(tmp_path, text, load):
    files = [tmp_path / name for name in ("plain.yaml", "quoted.yaml")]
    files[0].write_text(text)
    files[1].write_text(NUMBER.sub(r'"\g<0>"', text))
    assert load(files[0]) == load(files[1])


@pytest.mark.parametrize(("text", "schema"), [(CAMERA, Camera), (EDGE, Edge)])
def test_tables_hold_every_number_that_a_file_may_have(text, schema):
    keys = set(_keys_of_numbers(schema))
    assert keys
    assert {key for key in keys if f"{key}: " not in text} == set()


def _keys_of_numbers(schema: type[Section]) -> Iterator[str]:
    made = schema.model_json_schema()
    for section in (made, *made["$defs"].values()):
        for key, value in section.get("properties", {}).items():
            forms = [form for form in value.get("anyOf", [value]) if "enum" not in form]
            if re.search('"type": "(number|integer)"', json.dumps(forms)):
                yield key
