"""Cards and weights that mean no good, found by scripts/bench/fuzz: each is one line, though the hash is right."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from test_detections_detector import small_net

from edge.dataflow import Frame, Instant
from edge.detections.card import find_card, read_card
from edge.detections.detector import Detector
from edge.errors import ModelError

CARD = """\
name = "net"
weights = "net.onnx"
shipped = true
sha256 = "{sha256}"
family = "{family}"
input = {{width = 256, height = 128, channels = "bgr", fit = "letterbox"}}
head = {{classes = 2}}
classes = {{1 = "car"}}
thresholds = {{score = 0.3, confident = 0.5, iou = 0.6}}
origin = {{licence = "MIT", source = "made here", attribution = "nobody", trained_on = "nothing"}}
"""


def fault(folder: Path, net: bytes, *, family: str = "yolov8") -> str:
    (folder / "net.onnx").write_bytes(net)
    (folder / "net.toml").write_text(CARD.format(family=family, sha256=hashlib.sha256(net).hexdigest()))
    with pytest.raises(ModelError) as caught:
        Detector(find_card("net", path=[folder]), path=[folder])
    text = str(caught.value)
    assert text.isprintable()
    assert len(text) < 1500
    return text


def changed(family: str, change) -> bytes:
    model = onnx.ModelProto.FromString(small_net(family))
    change(model.graph)
    return model.SerializeToString()


def test_net_that_is_sound_sees(tmp_path):
    net = small_net("yolov8")
    (tmp_path / "net.onnx").write_bytes(net)
    (tmp_path / "net.toml").write_text(CARD.format(family="yolov8", sha256=hashlib.sha256(net).hexdigest()))
    planes = [np.full(shape, value, np.uint8) for shape, value in (((64, 128), 235), ((32, 64), 128), ((32, 64), 128))]
    detector = Detector(find_card("net", path=[tmp_path]), path=[tmp_path])
    assert len(detector.detect(Frame(Instant(1.0, 2.0), *planes)))


def test_net_that_fails_as_it_runs_is_refused_when_it_is_loaded(tmp_path):
    def without_mean(graph):
        mean = next(node for node in graph.node if node.op_type == "ReduceMean")
        mean.op_type = "Identity"
        del mean.attribute[:]

    assert "no net that onnxruntime runs" in fault(tmp_path, changed("yolov8", without_mean))


def test_net_that_answers_otherwise_than_its_file_says_is_refused(tmp_path):
    def open_and_wrong(graph):
        graph.node.pop()
        graph.node.append(helper.make_node("NonZero", ["grey"], ["where-not-black"]))
        graph.node.append(helper.make_node("Cast", ["where-not-black"], ["as-floats"], to=TensorProto.FLOAT))
        graph.node.append(helper.make_node("Unsqueeze", ["as-floats", "first"], ["boxes"]))
        graph.initializer.append(helper.make_tensor("first", TensorProto.INT64, [1], [0]))
        for side in graph.output[1].type.tensor_type.shape.dim[1:]:
            side.dim_param = "any"

    text = fault(tmp_path, changed("detr", open_and_wrong), family="detr")
    assert "expected float32 1x?x2 and 1x?x4, found 1x32x2 and 1x4x0" in text


def test_net_with_more_boxes_than_scores_is_refused(tmp_path):
    def fewer(graph):
        where = next(each for each in graph.initializer if each.name == "where")
        where.CopyFrom(helper.make_tensor("where", TensorProto.FLOAT, [30, 4], [0.5] * 120))
        graph.output[0].type.tensor_type.shape.dim[0].dim_value = 30

    assert "found 30x4 and 32x2" in fault(tmp_path, changed("ssd", fewer), family="ssd")


def test_net_whose_name_is_no_text_is_refused(tmp_path, capfd):
    net = small_net("yolov8").replace(b"AveragePool", b"\x80verage\xffool")
    fault(tmp_path, net)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("size", [0, 1, 100, 1000])
def test_weights_cut_short_are_refused(tmp_path, size):
    fault(tmp_path, small_net("yolov8")[:size])


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('"net.onnx"', '"../../../etc/passwd"', "weights:"),
        ('"net.onnx"', f'"{"A" * 300}"', "weights:"),
        ("width = 256", "width = 8000000000", "input.width:"),
        ("classes = 2}", "classes = 99999999999}", "head.classes:"),
        ("classes = 2}", "classes = 2, strides = [0]}", "head.strides.0:"),
        ('fit = "letterbox"', 'fit = "letterbox", std = [0.0, 1.0, 1.0]', "input.std.0:"),
        ('fit = "letterbox"', 'fit = "letterbox", mean = [nan, 1.0, inf]', "input.mean.0:"),
        ("score = 0.3", f"score = {'9' * 5000}", "not TOML"),
        ("score = 0.3", "score = " + "[" * 3000, "not TOML"),
        ('name = "net"', f'name = "{"n" * 5000}"', "wrong name"),
        ('name = "net"', "".join(f"k{i} = 1\n" for i in range(50)) + 'name = "net"', "and 40 more"),
    ],
)
def test_card_that_means_no_good_is_one_line(tmp_path, before, after, says):
    text = CARD.format(family="yolov8", sha256="0" * 64)
    assert before in text
    file = tmp_path / "net.toml"
    file.write_text(text.replace(before, after, 1))
    with pytest.raises(ModelError, match=says) as caught:
        read_card(file)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 3000


def test_card_that_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / "net.toml").mkdir()
    with pytest.raises(ModelError, match="cannot be read, found Is a directory"):
        read_card(tmp_path / "net.toml")
