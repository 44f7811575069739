"""Model cards that say what is not so, and weights that are no net, or another one, though their hash is right."""

from __future__ import annotations

import hashlib
import random
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from fuzz_child import ROOT, BrokenPromiseError, one_line
from fuzz_mutate import ODD_TEXT, Input, number, worse
from onnx import TensorProto, helper

from edge.dataflow import Frame, Instant
from edge.detections.card import find_card
from edge.detections.detector import Detector
from edge.detections.inventory import describe_models
from edge.errors import EdgeError

sys.path.append(str(ROOT / "tests" / "unit"))
from test_detections_detector import small_net

FAMILIES = ("yolov8", "detr", "ssd")
HASH = b"SHA256-OF-THE-WEIGHTS"
CARD = """\
name = "net"
weights = "net.onnx"
shipped = true
sha256 = "SHA256-OF-THE-WEIGHTS"
family = "{family}"
riders_included = true
[input]
width = 256
height = 128
channels = "bgr"
fit = "letterbox"
[head]
classes = 2
[classes]
1 = "car"
[thresholds]
score = 0.3
confident = 0.5
iou = 0.6
[origin]
licence = "MIT"
source = "made here"
attribution = "nobody"
trained_on = "nothing"
"""
WORDS = (
    *ODD_TEXT, b"inf", b"nan", b"-inf", b"1e400", b"0x" + b"f" * 300, b"1_0", b"[", b"[[golden]]", b"[golden]\n",
    b"[classes]\n", b'"""', b"'''", b"2026-01-01", b"9999-99-99", b"{a=1}", b"[input.width]\n", b"strides = []\n",
    b"strides = [0]\n", b"strides = [8, 16, 32]\n", b"strides = [-8]\n", b"reg_max = 4294967296\n",
    b"width = 8000000000\n", b"height = 8\n", b"std = [0.0, 0.0, 0.0]\n", b"mean = [nan, inf, 1.0]\n",
    b"classes = 99999999999\n", b'picture = "golden-street.jpg"\n', b'weights = "../../../etc/passwd"\n',
    b'weights = "/dev/zero"\n', b'family = "nanodet"\n', b'family = "yolox"\n', b'"\\u0000"', b'"\\ud800"',
    b"[" * 3000, b"a." * 3000 + b"b = 1",
)  # fmt: skip
OPERATORS = (
    "Relu", "Sigmoid", "Sub", "Div", "Mul", "Reshape", "Transpose", "Concat", "Identity", "Gather", "GatherND",
    "Slice", "Pad", "Tile", "Expand", "Resize", "TopK", "Squeeze", "Unsqueeze", "Conv", "ConvTranspose", "MaxPool",
    "AveragePool", "MatMul", "Gemm", "Softmax", "ReduceMean", "ReduceSum", "NonMaxSuppression", "Where", "Range",
    "OneHot", "ScatterND", "Cast", "Split", "Shape", "ConstantOfShape", "Einsum", "LSTM", "CumSum", "DepthToSpace",
    "QLinearConv", "If", "Nothing", "",
)  # fmt: skip


class Cards:
    """`edge models`, `edge check` and the worker's load and first look, on one card and one file of weights."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="fuzz-cards-"))
        self._nets = {family: small_net(family) for family in FAMILIES}
        self._shipped = [file.read_bytes() for file in sorted((ROOT / "models").glob("*.toml"))]
        self._real = [
            (file.with_suffix(".toml").read_bytes(), file.read_bytes())
            for file in sorted((ROOT / "models").glob("*.onnx"), key=lambda each: each.stat().st_size)[:1]
        ]
        shutil.copy(ROOT / "models" / "golden-street.jpg", self._folder)
        chance = np.random.default_rng(7)
        y, u, v = (chance.integers(16, 235, shape, dtype=np.uint8) for shape in ((96, 160), (48, 80), (48, 80)))
        self._frame = Frame(Instant(1.0, 2.0), y, u, v)

    def close(self) -> None:
        shutil.rmtree(self._folder)

    def make(self, chance: random.Random) -> Input:
        family = chance.choice(FAMILIES)
        card, net = CARD.format(family=family).encode(), self._nets[family]
        kind = chance.random()
        if kind < 0.1:
            return worse(_own(chance.choice(self._shipped)), chance, words=WORDS), net
        if kind < 0.5:
            return worse(card, chance, words=WORDS), net
        if kind < 0.97:
            return card, _worse_net(net, chance)
        card, net = self._real[0]
        return _own(card), worse(net, chance, times=chance.choice((1, 10, 100)))

    def feed(self, parts: Input) -> None:
        card, net = parts
        if HASH in card:
            card = card.replace(HASH, hashlib.sha256(net).hexdigest().encode())
        (self._folder / "net.toml").write_bytes(card)
        (self._folder / "net.onnx").write_bytes(net)
        path = (self._folder,)
        for row in describe_models(path):
            one_line(" ".join((row.name, row.family, row.input, row.licence, row.accuracy, row.fault)))
        try:
            detector = Detector(find_card("net", path=path), path=path, mask=[[(0, 0), (0.1, 0), (0.1, 0.1)]])
            found = detector.detect(self._frame)
        except EdgeError as error:
            one_line(str(error))
            return
        if not (np.isfinite(found.boxes).all() and np.isfinite(found.scores).all()):
            raise BrokenPromiseError("boxes or scores that are no numbers")


def _own(card: bytes) -> bytes:
    """A shipped card as one of these weights, without its golden picture: it would refuse any other net."""
    lines = card.partition(b"\n[golden]")[0].split(b"\n")
    fixed = {b"name": b'name = "net"', b"weights": b'weights = "net.onnx"', b"sha256": b'sha256 = "' + HASH + b'"'}
    return b"\n".join(fixed.get(line.partition(b" =")[0], line) for line in lines) + b"\n"


def _worse_net(net: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.4:
        return worse(net, chance)
    model = onnx.ModelProto.FromString(net)
    for _ in range(1 + int(chance.expovariate(0.7))):
        chance.choice(_NET_CHANGES)(model, chance)
    found = model.SerializeToString()
    return worse(found, chance, times=1) if chance.random() < 0.1 else found


def _operator(model: onnx.ModelProto, chance: random.Random) -> None:
    chance.choice(model.graph.node).op_type = chance.choice(OPERATORS)


def _attribute(model: onnx.ModelProto, chance: random.Random) -> None:
    node = chance.choice(model.graph.node)
    names = [each.name for each in node.attribute]
    name = chance.choice(
        [*names, "axis", "axes", "perm", "kernel_shape", "strides", "pads", "to", "group", "mode", "dilations"]
    )
    value = chance.choice(
        (_small(chance), [_small(chance) for _ in range(chance.randrange(1, 7))], "reflect", 0.5, [0.5])
    )
    kept = [each for each in node.attribute if each.name != name]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute(name, value)])


def _small(chance: random.Random) -> int:
    return chance.choice((number(chance) % 2**63, -1, -2, 0, 1, 2, 3, 5, 32)) * chance.choice((1, 1, -1))


def _shape(model: onnx.ModelProto, chance: random.Random) -> None:
    each = chance.choice([*model.graph.input, *model.graph.output])
    dims = each.type.tensor_type.shape.dim
    if dims and chance.random() < 0.7:
        dim = chance.choice(list(dims))
        dim.dim_value = _small(chance)
    elif chance.random() < 0.5:
        del dims[:]
    else:
        each.type.tensor_type.elem_type = chance.randrange(25)


def _tensor(model: onnx.ModelProto, chance: random.Random) -> None:
    tensor = chance.choice(model.graph.initializer)
    match chance.randrange(6):
        case 0:
            tensor.data_type = chance.randrange(25)
        case 1:
            tensor.dims.append(_small(chance))
        case 2:
            if tensor.dims:
                tensor.dims[chance.randrange(len(tensor.dims))] = _small(chance)
        case 3:
            tensor.raw_data = worse(tensor.raw_data, chance)
        case 4:
            values = [_small(chance) for _ in range(chance.randrange(1, 5))]
            tensor.CopyFrom(helper.make_tensor(tensor.name, TensorProto.INT64, [len(values)], values))
        case _:
            tensor.data_location = TensorProto.EXTERNAL
            tensor.external_data.add(
                key="location", value=chance.choice(("/etc/passwd", "../x", "", "net.onnx", "/dev/zero"))
            )
            tensor.external_data.add(key="offset", value=str(number(chance)))
            tensor.external_data.add(key="length", value=str(number(chance)))


def _wiring(model: onnx.ModelProto, chance: random.Random) -> None:
    node = chance.choice(model.graph.node)
    names = [name for each in model.graph.node for name in (*each.input, *each.output)] + ["", "nobody"]
    side = chance.choice((node.input, node.output))
    if side and chance.random() < 0.7:
        side[chance.randrange(len(side))] = chance.choice(names)
    else:
        side.append(chance.choice(names))


def _order(model: onnx.ModelProto, chance: random.Random) -> None:
    nodes = list(model.graph.node)
    match chance.randrange(3):
        case 0:
            chance.shuffle(nodes)
        case 1:
            nodes = nodes[:-1] or nodes
        case _:
            nodes.append(chance.choice(nodes))
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _head(model: onnx.ModelProto, chance: random.Random) -> None:
    match chance.randrange(4):
        case 0:
            model.ir_version = number(chance) % 2**63
        case 1:
            for each in model.opset_import:
                each.version = number(chance) % 2**63
        case 2:
            model.opset_import.add(domain="x.y", version=1)
        case _:
            del model.opset_import[:]


_NET_CHANGES = (
    _operator,
    _operator,
    _attribute,
    _attribute,
    _shape,
    _tensor,
    _tensor,
    _tensor,
    _wiring,
    _wiring,
    _order,
    _head,
)
