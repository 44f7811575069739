"""Configuration files: shipped ones and ones made by chance, with values, constructs of YAML and bytes gone wrong."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fuzz_child import ROOT, BrokenPromiseError, one_line
from fuzz_mutate import ODD_TEXT, Input, number, worse
from fuzz_yaml import ODD_YAML, SECRET

from edge.check import check
from edge.config.load import load_camera, load_edge
from edge.config.settings import Settings
from edge.dataflow import CLASSES
from edge.errors import EdgeError

EDGE = b"node: hue-edge-01\nbroker: {host: 127.0.0.1, port: 1883, tls: false}\n"
CAMERA = b"source: {url: 'rtsp://192.168.1.21/x'}\nlines: [{id: l1, points: [[0.1, 0.5], [0.9, 0.5]]}]\n"
FAULTS_MOST = 100_000


class Raw(str):
    """Text that stands in the file as it is."""


ODD_VALUES = tuple(map(Raw, ODD_YAML))
WORDS = (
    *ODD_TEXT,
    *(each.encode() for each in ODD_VALUES if len(each) < 200),
    b"&a ",
    b"*a",
    b"<<: ",
    b"- ",
    b"? ",
    b"!!",
    b"---\n",
    b"...\n",
    b"%YAML 9.9\n",
    b"\t",
    b"  ",
)


class Files:
    """`edge check` and what the processes load, on a folder with the two files."""

    def __init__(self) -> None:
        self._folder = Path(
            tempfile.mkdtemp(prefix="fuzz-config-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
        )
        for part in ("cameras", "secrets", "models"):
            (self._folder / part).mkdir()
        (self._folder / "secrets/gate").write_text(f"u:{SECRET}\n")
        (self._folder / "secrets/gate").chmod(0o600)
        models = str(self._folder / "models")
        self._settings = Settings(config=self._folder, state=self._folder / "state", model_path=models)
        shipped = [
            *(ROOT / "configs/cameras").glob("*.yaml"),
            ROOT / "edge/demo/vtest.yaml",
            ROOT / "configs/reference.yaml",
        ]
        self._shipped = [file.read_bytes() for file in sorted(shipped)]
        self._edges = [(ROOT / "configs/edge.yaml").read_bytes(), EDGE]

    def close(self) -> None:
        shutil.rmtree(self._folder)

    def make(self, chance: random.Random) -> Input:
        if chance.random() < 0.2:
            text = chance.choice(self._edges) if chance.random() < 0.3 else written(_edge(chance), chance)
            return worse(text, chance, words=WORDS) if chance.random() < 0.6 else text, CAMERA
        text = chance.choice(self._shipped) if chance.random() < 0.2 else written(_camera(chance), chance)
        return EDGE, worse(text, chance, words=WORDS) if chance.random() < 0.5 else text

    def feed(self, parts: Input) -> None:
        edge, camera = self._folder / "edge.yaml", self._folder / "cameras/gate.yaml"
        edge.write_bytes(parts[0])
        camera.write_bytes(parts[1])
        faults = check(self._settings)
        if len(faults) > FAULTS_MOST:
            raise BrokenPromiseError(f"{len(faults)} faults")
        for each in faults:
            one_line(str(each).replace(f"{SECRET}: unknown key", ""), SECRET)  # a key has to be named
        wrong = {each.file for each in faults}
        self._load(load_edge, edge, told=edge in wrong)
        self._load(load_camera, camera, told=camera in wrong)

    @staticmethod
    def _load(load: Callable[[Path], object], file: Path, *, told: bool) -> None:
        """What a process loads without a fault has been checked; what has one says so in one line."""
        try:
            load(file)
        except EdgeError as error:
            one_line(str(error), SECRET)
            if not told:
                raise BrokenPromiseError(f"edge check does not tell what a process refuses: {error}") from None


def written(tree: Any, chance: random.Random) -> bytes:
    """The tree as YAML, in blocks or in one flow, sometimes with strange ends of lines or in another encoding."""
    text = _block(tree, 0) if chance.random() < 0.6 else _flow(tree) + "\n"
    if chance.random() < 0.03:
        text = text.replace("\n", chance.choice(("\r\n", "\r", "\u2028", "\n\n", "\n#x\n", "\n\t")))
    encoding = "utf-8" if chance.random() < 0.97 else chance.choice(("utf-16", "utf-8-sig", "utf-32", "cp1258"))
    return text.encode(encoding, errors="replace" if encoding != "utf-8" else "surrogatepass")


def _flow(node: Any) -> str:
    if isinstance(node, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(value)}" for key, value in node.items()) + "}"
    if isinstance(node, list | tuple):
        return "[" + ", ".join(map(_flow, node)) + "]"
    if isinstance(node, Raw):
        return node
    if isinstance(node, str):
        return "'" + node.replace("'", "''") + "'"
    return (
        {True: "true", False: "false", None: "null"}.get(node, str(node)) if not isinstance(node, float) else repr(node)
    )


def _block(node: Any, depth: int) -> str:
    """Mappings and lists of mappings in blocks, the rest in flow."""
    pad = "  " * depth
    if isinstance(node, dict) and node:
        lines = []
        for key, value in node.items():
            nested = (
                isinstance(value, dict) or (isinstance(value, list) and any(isinstance(v, dict) for v in value))
            ) and value
            lines.append(f"{pad}{_flow(key)}:" + (f"\n{_block(value, depth + 1)}" if nested else f" {_flow(value)}\n"))
        return "".join(lines)
    if isinstance(node, list) and node:
        return "".join(f"{pad}- {_flow(each)}\n" for each in node)
    return f"{pad}{_flow(node)}\n"


def _fraction(chance: random.Random) -> object:
    return round(chance.random(), chance.choice((1, 3, 17)))


def _point(chance: random.Random) -> list[object]:
    return [_fraction(chance), _fraction(chance)]


def _area(chance: random.Random) -> list[object]:
    if chance.random() < 0.7:
        return [[0.1, 0.3], [0.9, 0.3], [0.9, 0.95], [0.1, 0.95]]
    return [_point(chance) for _ in range(chance.choice((0, 1, 2, 3, 4, 5, 12)))]


def _id(chance: random.Random) -> object:
    return chance.choice(("l1", "l2", "z1", "a-b", "north", "x" * 32, "status", "cmd", "L1", "-a", "a/b", "a#", "", 5))


def _alarms(chance: random.Random) -> dict[str, object]:
    limits = {
        "levels": [[chance.uniform(0, 9), chance.uniform(0, 3)] for _ in range(chance.randrange(5))],
        "on_seconds": number(chance), "off_seconds": chance.uniform(-1, 4000),
    }  # fmt: skip
    kinds = ("crowd_density", "crowd_count", "congestion", "queue", "wrong_way", "stopped_vehicle", "fire")
    return {kind: chance.choice(("default", limits, None)) for kind in chance.sample(kinds, chance.choice((1, 1, 2)))}


def _camera(chance: random.Random) -> Any:
    def some(make: Callable[[], dict[str, object]]) -> list[dict[str, object]]:
        return [make() for _ in range(chance.choice((0, 1, 1, 2, 4)))]

    def rule(more: dict[str, object]) -> dict[str, object]:
        found = {"id": _id(chance), **more, "every": chance.choice((10, 60, 300, 70, 0)), "alarms": _alarms(chance)}
        return {key: value for key, value in found.items() if key == "id" or chance.random() < 0.7}

    tree: dict[str, object] = {
        "name": chance.choice(("Cầu Trường Tiền", "", "x\ny", 5)),
        "source": {
            "url": f"rtsp://10.0.0.{chance.randrange(300)}:{chance.choice((554, 0, 99999))}/x",
            "credentials": "gate",
            "transport": "tcp",
        },
        "analyse": {
            "rate": chance.choice((5, 1, 15, 0.5, 99)),
            "model": chance.choice(("nanodet-g", "../x", "none", "road-users")),
            "tiles": [chance.randrange(6), 1],
        },
        "mask": [_area(chance) for _ in range(chance.choice((0, 1, 3)))],
        "lines": some(
            lambda: rule(
                {
                    "points": [_point(chance), _point(chance)],
                    "names": ["a", "b"],
                    "classes": chance.sample(CLASSES, 3),
                    "crossings": chance.choice((True, False, "x")),
                    "forbidden": chance.choice((0, 1, 2, None)),
                }
            )
        ),
        "zones": some(
            lambda: rule({"points": _area(chance), "name": "x", "area_m2": chance.uniform(-1, 900), "vehicles": True})
        ),
        "turns": some(
            lambda: rule({"entries": [_id(chance)], "exits": [_id(chance)], "within_seconds": number(chance)})
        ),
        "queues": some(lambda: rule({"stop_line": _id(chance), "lane": _area(chance)})),
        "calibration": {
            "points": [
                [_point(chance), [chance.uniform(-50, 50), chance.uniform(-1, 1) * number(chance)]]
                for _ in range(chance.randrange(7))
            ]
        },
        "pcu": chance.choice(("tcvn-4054-2005", "x", {"car": 1, "bus": number(chance)}, None)),
    }
    tree = {key: value for key, value in tree.items() if chance.random() < 0.6}
    return _strange(tree, chance)


def _edge(chance: random.Random) -> Any:
    tree = {
        "node": chance.choice(("hue-edge-01", "centre", "")),
        "root": "hue",
        "centre": "centre-1",
        "broker": {
            "host": chance.choice(("mqtt.example.org", "", "h" * 300)),
            "port": number(chance),
            "credentials": chance.choice(("gate", "none", "../gate")),
            "tls": chance.choice(
                (
                    False,
                    True,
                    {},
                    {"ca": "/etc/passwd", "certificate": "/x"},
                    {"ca": "/dev/zero", "key": "."},
                    {"ca": "/" + "x" * 900},
                )
            ),
            "keepalive_seconds": number(chance),
        },
        "storage": {"flush_seconds": chance.choice((30, 1, 0, 1e9)), "outbox_mb": number(chance)},
    }
    return _strange({key: value for key, value in tree.items() if chance.random() < 0.8}, chance)


def _strange(tree: Any, chance: random.Random) -> Any:
    """The tree with some of its nodes made strange."""
    for _ in range(chance.choice((0, 1, 1, 2, 5))):
        tree = _one_strange(tree, chance)
    return tree


def _one_strange(node: Any, chance: random.Random) -> Any:
    if isinstance(node, dict) and node and chance.random() < 0.85:
        key = chance.choice(list(node))
        match chance.randrange(8):
            case 0:
                return {(chance.choice(ODD_VALUES) if each == key else each): value for each, value in node.items()}
            case 1:
                return {**node, chance.choice(("nmae", "sorce", Raw("? "), chance.choice(ODD_VALUES))): node[key]}
            case 2:
                return {each: value for each, value in node.items() if each != key}
            case _:
                return {**node, key: _one_strange(node[key], chance)}
    if isinstance(node, list) and node and chance.random() < 0.85:
        at = chance.randrange(len(node))
        match chance.randrange(6):
            case 0:
                return node[:at] + node[at + 1 :]
            case 1:
                return node * chance.choice((2, 30))
            case _:
                return [*node[:at], _one_strange(node[at], chance), *node[at + 1 :]]
    return chance.choice(
        (
            chance.choice(ODD_VALUES),
            chance.choice(ODD_VALUES),
            number(chance),
            -number(chance),
            str(number(chance)),
            [node],
            {"a": node},
            None,
        )
    )
