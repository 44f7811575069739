"""The schemas and the AsyncAPI document: fresh, right, and no other contract than the one that is spoken."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import pytest
from contract import CHANNELS, DOCS, DOCUMENT, VALIDATORS, channel_of, fits
from jsonschema import Draft7Validator, Draft202012Validator
from paho.mqtt.client import topic_matches_sub
from pydantic import ValidationError

from edge import events, render
from edge.cli import main
from edge.commands import obey
from edge.config.rules import PCU_SETS, Line, Zone
from edge.dataflow import CLASSES, Period, Stamp, Tally
from edge.mqtt.topics import Topics, of_all_nodes, parse
from edge.schemas import MESSAGES, documents, schema
from edge.store.journal import Journal
from edge.store.outbox import Outbox

EXAMPLES = {
    name: message["examples"][0]["payload"]
    for name, message in DOCUMENT["components"]["messages"].items()
    if "examples" in message
}
OF_THE_CONTRACT = """
{"v":1,"seq":18432,"epoch":"1c9f03aa","camera":"le-loi-01","rule":"l1","start":"2026-11-22T23:00:00Z","seconds":300,
 "count":{"motorcycle":[412,388],"car":[61,57],"bus":[4,3],"truck":[9,7],"bicycle":[11,6],"pedestrian":[20,31]},
 "total":[90412,88771],"pcu":[211.2,196.4],"speed_kmh":[27.8,25.1],"headway_s":[0.6,0.6],"occupancy":0.183,"coverage":0.98}
"""


def test_committed_documents_are_those_of_the_code():
    committed = {file.relative_to(DOCS) for file in [DOCS / "asyncapi.json", *(DOCS / "schemas").iterdir()]}
    assert committed == set(documents()), "run: edge schema --out docs"
    for path, text in documents().items():
        assert (DOCS / path).read_text(encoding="utf-8") == text, f"{path} is old; run: edge schema --out docs"


@pytest.mark.parametrize("name", MESSAGES)
def test_schema_is_one_and_allows_no_null(name):
    made = schema(name)
    Draft202012Validator.check_schema(made)
    Draft7Validator.check_schema(made)  # what AsyncAPI's own tools read
    assert made["$id"] == f"urn:hue:edge:1:{name}"
    assert '"null"' not in json.dumps(made)
    assert "default" not in json.dumps(made)
    for field in made["properties"]:
        assert list(VALIDATORS[name].iter_errors({**EXAMPLES[name], field: None})), f"{field} may be null"


@pytest.mark.parametrize("name", MESSAGES)
def test_schema_requires_what_is_always_sent(name):
    optional = {key for key, field in MESSAGES[name].model_fields.items() if field.default is None}
    named = {field.alias or key for key, field in MESSAGES[name].model_fields.items() if key not in optional}
    assert set(schema(name)["required"]) == named
    for field in named:
        body = {key: value for key, value in EXAMPLES[name].items() if key != field}
        assert list(VALIDATORS[name].iter_errors(body)), f"{field} may be missing"


def test_schema_accepts_the_contracts_own_message_with_fields_of_other_versions():
    fits(OF_THE_CONTRACT, "flow")


@pytest.mark.parametrize(
    ("name", "field", "wrong"),
    [
        ("flow", "v", 2),
        ("flow", "seq", 0),
        ("flow", "seq", 2**64),
        ("flow", "epoch", "1C9F03AA"),
        ("flow", "camera", "Lê Lợi"),
        ("flow", "start", "2026-11-22T23:00:00+07:00"),
        ("flow", "start", "2026-22-11T23:00:00Z"),
        ("flow", "seconds", 0),
        ("flow", "seconds", 3601),
        ("flow", "coverage", 1.01),
        ("flow", "flags", []),
        ("flow", "flags", ["tired"]),
        ("flow", "late", False),
        ("flow", "count", {"car": [1]}),
        ("flow", "count", {"car": [1, -1]}),
        ("flow", "count", {"cart": [1, 1]}),
        ("flow", "total", [1, 2, 3]),
        ("zone", "people", {"mean": 1.5, "max": 2}),
        ("cross", "class", "cart"),
        ("cross", "direction", 2),
        ("node-status", "state", "asleep"),
        ("health", "damaged", -1),
        ("gap", "from", 0),
        ("info", "cameras", {"Lê Lợi": {}}),
        ("answer", "ok", "yes"),
    ],
)
def test_schema_refuses_what_the_centre_refuses(name, field, wrong):
    body = {**EXAMPLES[name], field: wrong}
    assert list(VALIDATORS[name].iter_errors(body))
    if name != "answer":  # which nobody reads by its type, so far
        with pytest.raises(ValidationError):
            MESSAGES[name].model_validate_json(json.dumps(body))


def mutants(value, path=()):
    """Every way to spoil one place of a JSON value a little, and the value without that place."""
    places = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in places:
        yield (*path, key), ...
        for other in (None, -1, 0, 1, 0.5, 1e300, "", "a", "unknown", True, [], {}, [0.5, 0.5], {"a": 1}):
            yield (*path, key), other
        yield from mutants(below, (*path, key))


def spoilt(value, path, other):
    made = copy.deepcopy(value)
    place = made
    for step in path[:-1]:
        place = place[step]
    if other is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = other
    return made


@pytest.mark.parametrize("name", MESSAGES)
def test_what_fits_the_schema_can_be_read(name):
    fitting = [
        body
        for path, other in mutants(EXAMPLES[name])
        if VALIDATORS[name].is_valid(body := spoilt(EXAMPLES[name], path, other))
    ]
    for body in [EXAMPLES[name], *fitting]:
        MESSAGES[name].model_validate_json(json.dumps(body))


@pytest.mark.parametrize("name", MESSAGES)
def test_example_is_a_message_to_the_byte(name):
    again = MESSAGES[name].model_validate(EXAMPLES[name]).model_dump_json(by_alias=True, exclude_none=True)
    assert json.loads(again) == EXAMPLES[name]
    fits(again, name)


def references(value):
    if isinstance(value, dict):
        yield from [value["$ref"]] if "$ref" in value else []
        value = list(value.values())
    for each in value if isinstance(value, list) else ():
        yield from references(each)


def test_asyncapi_refers_to_what_is_there():
    found = set(references(DOCUMENT))
    for reference in found:
        file, _, pointer = reference.partition("#")
        place = DOCUMENT
        for step in pointer.split("/")[1:]:
            place = place[step]
        assert not file or (DOCS / file).is_file(), reference
    assert {f"./schemas/{name}.json" for name in MESSAGES} <= found


def test_asyncapi_channels_are_the_topics_that_are_spoken():
    topics = Topics("hue", "hue-07")
    values = {"root": "hue", "node": "hue-07", "camera": "le-loi-01", "rule": "l1", "centre": "centre-1"}
    sent = {each.message for each in CHANNELS if each.action == "send"}
    for channel in CHANNELS:
        address = DOCUMENT["channels"][channel.message]["address"]
        assert set(re.findall(r"{(\w+)}", address)) == set(DOCUMENT["channels"][channel.message]["parameters"])
        topic = address.format(**values)
        assert channel_of(topic) == channel
        heard = of_all_nodes("hue") if channel.message in sent else topics.listens
        assert sum(topic_matches_sub(each, topic) for each in heard) == 1, topic
        assert (parse(topic, root="hue") is not None) == (channel.message in sent)
    assert {each.message for each in CHANNELS} | {"answer"} == {*MESSAGES, "rebirth"}
    assert sent == {*events.LIFE_SECONDS, "alarm-now", "node-status", "camera-status", "info", "health", "gap"}


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("resend", b'{"epoch":"0123abcd","from":1,"to":2}'),
        ("resend", b'{"epoch":"ffffffff","from":1,"to":2}'),
        ("resend", b'{"epoch":"0123abcd","from":9,"to":9}'),
        ("resend", b"\xff"),
        ("rebirth", b""),
        ("reload", b""),
        ("explode", b""),
    ],
)
def test_every_answer_to_a_command_fits_its_schema(verb, body, tmp_path):
    journal = Journal(tmp_path / "edge.db", camera="cam", epoch="0123abcd")
    period = Period("l1", "flow", 0, 60, analysed=60)
    for _ in range(2):
        journal.finish(period, lambda p, t, s: _flow(s, rule=p.rule, at=0, tally=t), life=1e12)
    outbox = Outbox(tmp_path / "edge.db")
    answer = obey(verb, body, outbox).answer
    outbox.close()
    journal.close()
    fits(json.dumps(answer), "answer")
    assert events.Answer.model_validate(answer).model_dump(exclude_none=True) == answer


TRAFFIC = (
    ("headway.0", 288.0), ("headway.1", 291.0), ("headways.0", 485.0), ("headways.1", 454.0), ("occupied.sum", 53.8),
    ("slowness.0", 18.02), ("slowness.1", 18.7), ("speeds.0", 501.0), ("speeds.1", 470.0),
)  # fmt: skip


def _flow(stamp, *, rule, at, tally):
    period = Period(rule, "flow", at, 300, analysed=296.1, numbers=TRAFFIC)
    facts = {"classes": list(tally.counts), "pcu": PCU_SETS["tcvn-4054-2005"], "metres": 14.5}
    return render.flow(period, tally, stamp=stamp, camera="le-loi-01-bac", facts=facts).to_bytes()


def on_the_wire(topic, body, *, qos=1, expiry=False):
    """Bytes of a message, and of one PUBLISH of MQTT 5 with it (section 3.3) and, at QoS 1, its PUBACK (3.4)."""
    rest = 2 + len(topic) + 2 * qos + 1 + 5 * expiry + len(body)
    length = next(n for n in (1, 2, 3, 4) if rest < 128**n)
    return len(body), 1 + length + rest + 4 * qos


def a_day(node, camera):
    """Everything that a camera with two lines and a zone has its device say in a busy day."""
    topics, seq, start, classes = Topics("hue", node), 1_000_000, 1795388400, Line.model_fields["classes"].default
    total = 1_000_000
    for at in range(0, 86_400, 60):
        lines = ("vao-trung-tam", "ra-ngoai-o") if at % Line.model_fields["every"].default == 0 else ()
        for rule in lines:
            seq, total = seq + 1, total + 500
            tally = Tally({kind: (412, 388) if kind == "motorcycle" else (61, 57) for kind in classes}, (total, total))
            body = _flow(Stamp("1c9f03aa", seq), rule=rule, at=start + at, tally=tally)
            yield on_the_wire(topics.data("flow", camera=camera, rule=rule), body, expiry=True)
        seq += 1
        numbers = (("pedestrian.sum", 7752.6), ("pedestrian.max", 149), ("pedestrian.last", 137), ("entered", 32),
                   ("left", 29), ("dwells", 21), ("dwell", 861), ("dwell.106.6", 21))  # fmt: skip
        period = Period("quang-truong", "zone", start + at, 60, analysed=59.2, numbers=numbers)
        body = render.zone(period, stamp=Stamp("1c9f03aa", seq), camera=camera, area_m2=420).to_bytes()
        yield on_the_wire(topics.data("zone", camera=camera, rule="quang-truong"), body, expiry=True)
        health = events.Health(camera=camera, at=events.utc(start + at), rate_hz=4.98, age_p95_ms=212.4,
                               inference_ms=131.2, reconnects=12, damaged=123)  # fmt: skip
        yield on_the_wire(topics.camera(camera, kind="health"), health.to_bytes(), qos=0, expiry=True)
    for state in ("reset", "ok") * 50:
        why = "the connection to the camera broke"
        told = events.CameraStatus(camera=camera, state=state, since=events.utc(start), reason=why)
        yield on_the_wire(topics.camera(camera, kind="status"), told.to_bytes())
    for _ in range(10):  # connections: a bad day
        yield on_the_wire(topics.status, events.NodeStatus(state="online", since=events.utc(start)).to_bytes())
        yield on_the_wire(topics.info, json.dumps(EXAMPLES["info"]).encode())


def test_day_of_a_camera_with_two_lines_and_a_zone_is_under_a_megabyte():
    assert Zone.model_fields["every"].default == 60
    messages, packets = (sum(each) for each in zip(*a_day("hue-le-loi-01", "le-loi-01-bac"), strict=True))
    assert 500_000 < messages < 900_000, messages
    assert packets < 1_100_000, packets


def test_flow_message_with_everything_in_six_classes_is_under_400_bytes():
    tally = Tally({kind: (412, 388) if kind == "motorcycle" else (61, 57) for kind in CLASSES}, (1_000_000, 1_000_000))
    body = _flow(Stamp("1c9f03aa", 1_000_000), rule="vao-trung-tam", at=1795388400, tally=tally)
    assert {"pcu", "speed_kmh", "headway_s", "occupancy"} <= json.loads(body).keys()
    assert len(body) < 400


def test_schema_command_prints_one_and_writes_all(tmp_path: Path, capsys):
    assert main(["schema", "gap"]) == 0
    assert capsys.readouterr().out == (DOCS / "schemas" / "gap.json").read_text()
    assert main(["schema"]) == 0
    assert json.loads(capsys.readouterr().out) == DOCUMENT
    assert main(["schema", "--out", str(tmp_path)]) == 0
    assert sorted(capsys.readouterr().out.split()) == sorted(str(tmp_path / path) for path in documents())
    assert {path: (tmp_path / path).read_text() for path in documents()} == documents()


def test_schema_command_says_what_there_is_and_where_it_cannot_write(tmp_path: Path, capsys):
    assert main(["schema", "flows"]) == 1
    assert "choose one of flow, zone" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main(["schema", "--out", str(tmp_path / "file")]) == 1
    assert "cannot be written" in capsys.readouterr().err
