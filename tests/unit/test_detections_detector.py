"""The detector on real weights and pictures, and on small nets that see a white square."""

from __future__ import annotations

import gc
import hashlib
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from edge.dataflow import CLASSES, Detections, Frame, Instant
from edge.detections.card import Card, Family, find_card
from edge.detections.decode import Candidates, calibrated
from edge.detections.detector import Detector
from edge.detections.golden import to_frame
from edge.detections.letterbox import Letterbox, fitted
from edge.detections.tiles import WHOLE, tiles
from edge.geometry import iou

MODELS = Path(__file__).resolve().parents[2] / "models"
NOW = Instant(seconds=1.0, utc=2.0)
CELL, COLUMNS, ROWS = 32, 8, 4


def small_net(family: Family) -> bytes:
    """A net of this family whose input is 256x128: a cell of 32x32 pixels that is white is a car."""
    x, y = np.meshgrid(np.arange(COLUMNS), np.arange(ROWS))
    corner = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
    pixels = CELL * np.hstack([corner + 0.5, np.ones_like(corner)])
    whole = np.array([CELL * COLUMNS, CELL * ROWS] * 2, np.float32)
    points = COLUMNS * ROWS
    nodes = [
        helper.make_node("AveragePool", ["data"], ["cells"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        helper.make_node("ReduceMean", ["cells"], ["grey"], axes=[1], keepdims=1),
        helper.make_node("Sub", ["grey", "limit"], ["over"]),
        helper.make_node("Div", ["over", "slope"], ["steep"]),
        helper.make_node("Reshape", ["steep", "row"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["score"]),
    ]
    values = {"limit": np.float32(200), "slope": np.float32(10), "row": np.array([1, 1, points])}
    if family == "yolov8":
        values |= {"boxes": pixels.T[None], "none": np.zeros((1, 1, points), np.float32)}
        nodes += [helper.make_node("Concat", ["boxes", "none", "score"], ["output"], axis=1)]
        outputs = {"output": [1, 6, points]}
    elif family == "detr":
        values |= {"unlikely": np.full((1, 1, points), -20, np.float32), "where": (pixels / whole)[None]}
        nodes += [
            helper.make_node("Concat", ["unlikely", "logit"], ["both"], axis=1),
            helper.make_node("Transpose", ["both"], ["logits"], perm=[0, 2, 1]),
            helper.make_node("Identity", ["where"], ["boxes"]),
        ]
        outputs = {"logits": [1, points, 2], "boxes": [1, points, 4]}
    else:
        corners = np.hstack([corner, corner + 1]) * CELL / whole
        values |= {"where": corners, "one": np.float32(1), "column": np.array([points, 1])}
        nodes += [
            helper.make_node("Reshape", ["score", "column"], ["found"]),
            helper.make_node("Sub", ["one", "found"], ["background"]),
            helper.make_node("Concat", ["background", "found"], ["scores"], axis=1),
            helper.make_node("Identity", ["where"], ["boxes"]),
        ]
        outputs = {"boxes": [points, 4], "scores": [points, 2]}
    graph = helper.make_graph(
        nodes,
        family,
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, CELL * ROWS, CELL * COLUMNS])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return model.SerializeToString()


@pytest.fixture
def white_finder(tmp_path: Path) -> Callable[..., Detector]:
    """Makes a detector of white cells: family, fit and mask as asked."""

    def make(
        family: Family = "yolov8", *, fit: str = "letterbox", mask: tuple = (), tiled: tuple[int, int] = (1, 1)
    ) -> Detector:
        data = small_net(family)
        (tmp_path / "white.onnx").write_bytes(data)
        card = Card.model_validate(
            {
                "name": "white",
                "weights": "white.onnx",
                "shipped": False,
                "sha256": hashlib.sha256(data).hexdigest(),
                "family": family,
                "input": {"width": CELL * COLUMNS, "height": CELL * ROWS, "channels": "rgb", "fit": fit},
                "head": {"classes": 2},
                "classes": {1: "car"},
                "thresholds": {"score": 0.3, "confident": 0.5, "iou": 0.5},
                "origin": {"licence": "-", "source": "-", "attribution": "-", "trained_on": "-"},
            }
        )
        return Detector(card, path=[tmp_path], mask=mask, tiled=tiled)

    return make


def white_square(width: int, height: int, box: tuple[float, float, float, float]) -> Frame:
    """A black picture with a white box, in fractions; any size, planes as a decoder gives them."""
    y = np.full((height, width), 16, np.uint8)
    left, top, right, bottom = (round(side * size) for side, size in zip(box, (width, height) * 2, strict=True))
    y[top:bottom, left:right] = 235
    chroma = np.full(((height + 1) // 2, (width + 1) // 2), 128, np.uint8)
    return Frame(at=NOW, y=y, u=chroma, v=chroma.copy())


SMALL = (0.69, 0.072, 0.729, 0.149)
"""Too small for a cell of the whole picture, though one of a tile."""


@pytest.mark.parametrize("size", [(640, 320), (639, 319)])
def test_tiles_find_what_is_small_once_and_where_it_is(white_finder: Callable[..., Detector], size) -> None:
    picture = white_square(*size, SMALL)
    assert len(white_finder().detect(picture)) == 0
    found = white_finder(tiled=(4, 4)).detect(picture)
    assert len(found) == 1
    centre = (found.boxes[0, :2] + found.boxes[0, 2:]) / 2
    assert centre == pytest.approx([0.71, 0.11], abs=0.02)
    hidden = white_finder(tiled=(4, 4), mask=(((0.6, 0), (1, 0), (1, 0.3), (0.6, 0.3)),)).detect(picture)
    assert len(hidden) == 0


def test_tiles_tell_what_spans_several_of_them_once(white_finder: Callable[..., Detector]) -> None:
    found = white_finder(tiled=(2, 2)).detect(white_square(512, 256, (0.5, 0.5, 0.625, 0.75)))
    assert found.boxes == pytest.approx(np.array([[0.5, 0.5, 0.625, 0.75]]), abs=1e-5)


@pytest.mark.parametrize("number", [(2, 1), (2, 2), (3, 2), (4, 4)])
def test_tiles_cover_the_picture_and_overlap(number: tuple[int, int]) -> None:
    whole, *parts = tiles(*number)
    assert whole == WHOLE and len(parts) == number[0] * number[1]
    points = np.random.default_rng(1).random((500, 2))
    inside = [(points >= [p.left, p.top]).all(1) & (points <= [p.right, p.bottom]).all(1) for p in parts]
    assert np.any(inside, axis=0).all()
    wide = {round(p.right - p.left, 6) for p in parts}
    assert len(wide) == 1 and 1 / number[0] < wide.pop() <= 1
    polygon = [(0.2, 0.3), (0.9, 0.1), (0.5, 0.8)]
    for part in parts:
        back = part.to_picture(np.array([[*a, *b] for a, b in zip(*[part.from_picture(polygon)] * 2, strict=True)]))
        assert back[:, :2] == pytest.approx(np.array(polygon), abs=1e-6)


def test_tiles_of_a_street_find_everything_that_one_look_finds_and_nothing_twice() -> None:
    card = find_card("nanodet-g", path=[MODELS])
    picture = to_frame(cv2.imread(str(MODELS / "golden-street.jpg")), at=NOW)
    one = Detector(card, path=[MODELS]).detect(picture)
    many = Detector(card, path=[MODELS], tiled=(2, 2)).detect(picture)
    sure = one.boxes[one.scores > 0.5]
    assert (iou(sure, many.boxes).max(axis=1) > 0.5).all()
    overlaps = iou(many.boxes, many.boxes) - np.eye(len(many))
    assert overlaps[:, many.scores > 0.5].max() < 0.7


@pytest.mark.parametrize("family", ["yolov8", "detr", "ssd"])
def test_decoder_finds_a_white_cell_where_it_is(white_finder: Callable[..., Detector], family: Family) -> None:
    found = white_finder(family).detect(white_square(512, 256, (0.25, 0.5, 0.375, 0.75)))
    assert [CLASSES[kind] for kind in found.classes] == ["car"]
    assert found.boxes == pytest.approx(np.array([[0.25, 0.5, 0.375, 0.75]]), abs=1e-5)
    assert found.scores[0] > 0.9 and found.at == NOW and found.aspect == 2


@pytest.mark.parametrize(("width", "height"), [(511, 255), (513, 257), (129, 65)])
def test_stretched_picture_of_odd_size(white_finder: Callable[..., Detector], width: int, height: int) -> None:
    found = white_finder(fit="stretch").detect(white_square(width, height, (0.25, 0.5, 0.375, 0.75)))
    assert found.boxes == pytest.approx(np.array([[0.25, 0.5, 0.375, 0.75]]), abs=1e-5)


@pytest.mark.parametrize(
    ("width", "height", "box"),
    [
        (256, 256, (0.25, 0.25, 0.5, 0.5)),  # 128x128 in the middle: cells are quarters
        (255, 255, (0.25, 0.25, 0.5, 0.5)),
        (1024, 256, (0.25, 0.5, 0.375, 1.0)),  # 256x64 in the middle: cells are halves of its height
        (1023, 255, (0.25, 0.5, 0.375, 1.0)),
    ],
)
def test_letterboxed_picture_maps_back(
    white_finder: Callable[..., Detector], width: int, height: int, box: tuple[float, float, float, float]
) -> None:
    found = white_finder().detect(white_square(width, height, box))
    assert found.boxes == pytest.approx(np.array([box]), abs=0.01)


def test_picture_size_may_change_under_way(white_finder: Callable[..., Detector]) -> None:
    detector = white_finder()
    wide, square = (0.25, 0.5, 0.375, 0.75), (0.25, 0.25, 0.5, 0.5)
    for _ in range(2):
        assert detector.detect(white_square(512, 256, wide)).boxes == pytest.approx(np.array([wide]), abs=1e-5)
        assert detector.detect(white_square(256, 256, square)).boxes == pytest.approx(np.array([square]), abs=0.01)


def test_colours_reach_the_net_as_the_card_says() -> None:
    card = find_card("nanodet-g", path=[MODELS])
    picture = np.zeros((384, 640, 3), np.uint8)
    picture[:] = (40, 120, 200)
    for channels, order in (("bgr", [40, 120, 200]), ("rgb", [200, 120, 40])):
        (blob,), _ = Letterbox(card.input.model_copy(update={"channels": channels})).fill(to_frame(picture, NOW))
        seen = blob[0].mean(axis=(1, 2)) * card.input.std + card.input.mean
        assert seen == pytest.approx(order, abs=2)


@pytest.mark.parametrize(
    ("picture", "size"),
    [((1280, 720), (640, 352)), ((704, 576), (512, 416)), ((640, 640), (448, 448)), ((768, 576), (544, 416))],
)
def test_input_that_adapts_has_the_shape_of_the_picture_and_no_more_pixels(picture, size) -> None:
    card = find_card("road-users", path=[MODELS])
    form = fitted(card.input, width=picture[0], height=picture[1])
    assert (form.width, form.height) == size
    assert form.width * form.height <= 1.01 * card.input.width * card.input.height
    assert fitted(form.model_copy(update={"adapts": False}), width=9, height=90).width == form.width


def test_planes_reach_the_net_as_they_are() -> None:
    card = find_card("road-users", path=[MODELS])
    frame = white_square(640, 352, (0.0, 0.0, 0.5, 1.0))
    (luma, chroma), place = Letterbox(card.input).fill(frame)
    assert luma.shape == (1, 1, 352, 640) and chroma.shape == (1, 2, 176, 320)
    assert (luma[0, 0] == frame.y - np.float32(16)).all() and not chroma.any()
    assert (place.width, place.height) == (640, 352)


@pytest.mark.parametrize("size", [(1280, 720), (704, 576), (480, 640)])
def test_street_is_seen_alike_in_pictures_of_any_shape(size: tuple[int, int]) -> None:
    """The golden street in the middle of a grey picture of another shape: the same sure people, where they stand."""
    card = find_card("road-users", path=[MODELS])
    detector, street_picture = Detector(card, path=[MODELS]), cv2.imread(str(MODELS / "golden-street.jpg"))
    scale = min(size[0] / street_picture.shape[1], size[1] / street_picture.shape[0])
    inner = cv2.resize(street_picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    canvas = np.full((size[1], size[0], 3), 114, np.uint8)
    left, top = (size[0] - inner.shape[1]) // 2, (size[1] - inner.shape[0]) // 2
    canvas[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    found = detector.detect(to_frame(canvas, NOW))
    people = found.boxes[(found.classes == 0) & (found.scores >= card.thresholds.confident)] * [*size, *size]
    wide, tall = inner.shape[1], inner.shape[0]
    sure = [box.box for box in card.golden.boxes if box.kind == "pedestrian" and box.score > 0.7]
    expected = np.array(sure) * [wide, tall, wide, tall] + [left, top, left, top]
    assert len(expected) >= 3
    assert (iou(expected.astype(np.float32), people.astype(np.float32)).max(axis=1) > 0.6).all()


def test_scores_of_a_class_are_told_by_what_is_sure_in_it() -> None:
    card = find_card("nanodet-g", path=[MODELS])
    sure = card.thresholds.model_copy(update={"confident": 0.5, "sure": {"motorcycle": 0.25}})
    scores, kinds = np.array([0.1, 0.25, 1.0, 0.3], np.float32), np.array([2, 2, 2, 3], np.int8)
    found = Candidates(np.zeros((4, 4), np.float32), scores, kinds)
    told = calibrated(found, card.model_copy(update={"thresholds": sure})).scores
    assert told == pytest.approx([0.2, 0.5, 1.0, 0.3])
    assert calibrated(found, card) is found


def test_mask_hides_what_is_in_it(white_finder: Callable[..., Detector]) -> None:
    box = (0.25, 0.5, 0.375, 0.75)
    other = (0.75, 0.25, 0.875, 0.5)
    frame = white_square(512, 256, box)
    both = Frame(at=NOW, y=np.maximum(frame.y, white_square(512, 256, other).y), u=frame.u, v=frame.v)
    mask = (((0.2, 0.4), (0.5, 0.4), (0.5, 0.9), (0.2, 0.9)),)
    assert len(white_finder().detect(both)) == 2
    assert white_finder(mask=mask).detect(both).boxes == pytest.approx(np.array([other]), abs=1e-5)


def test_mask_drops_what_stands_in_it(white_finder: Callable[..., Detector]) -> None:
    frame = white_square(512, 256, (0.25, 0.5, 0.375, 0.75))
    ground = ((0.0, 0.74), (1.0, 0.74), (1.0, 1.0), (0.0, 1.0))
    sky = ((0.0, 0.0), (1.0, 0.0), (1.0, 0.51), (0.0, 0.51))
    assert len(white_finder(mask=(ground,)).detect(frame)) == 0
    assert len(white_finder(mask=(sky,)).detect(frame)) == 1


def test_mask_that_reaches_to_the_edge_drops_what_the_edge_cuts(white_finder: Callable[..., Detector]) -> None:
    """Of a narrow strip: the body above it is found, and its lower edge is in the strip."""
    frame = white_square(512, 256, (0.25, 0.75, 0.375, 1.0))
    (found,) = white_finder().detect(frame).boxes
    assert found[3] == 1.0
    strip = ((0.0, 0.998), (1.0, 0.998), (1.0, 1.0), (0.0, 1.0))
    assert len(white_finder(mask=(strip,)).detect(frame)) == 0


def test_detect_the_same_picture_gives_the_same_bytes() -> None:
    card = find_card("nanodet-g", path=[MODELS])
    first, second = Detector(card, path=[MODELS]), Detector(card, path=[MODELS])
    frame = street()
    before = raw(first.detect(frame))
    assert len(first.detect(white_square(1280, 720, (0.2, 0.2, 0.4, 0.4)))) < len(first.detect(frame))
    assert raw(first.detect(frame)) == before == raw(second.detect(frame))


def test_detect_answers_best_first_within_the_picture() -> None:
    card = find_card("nanodet-g", path=[MODELS])
    found = Detector(card, path=[MODELS]).detect(street())
    assert len(found) >= len(card.golden.boxes)
    assert (np.diff(found.scores) <= 0).all() and found.scores.min() >= card.thresholds.score
    assert found.boxes.min() >= 0 and found.boxes.max() <= 1 and (found.boxes[:, 2:] > found.boxes[:, :2]).all()
    assert (found.boxes.dtype, found.scores.dtype, found.classes.dtype) == (np.float32, np.float32, np.int8)


def test_detect_does_not_grow(white_finder: Callable[..., Detector]) -> None:
    detector, frame = white_finder(), white_square(512, 256, (0.25, 0.5, 0.375, 0.75))
    detector.detect(frame)
    gc.collect()
    tracemalloc.start()
    before, resident = tracemalloc.get_traced_memory()[0], resident_bytes()
    for _ in range(2000):
        detector.detect(frame)
    gc.collect()
    grown, resident = tracemalloc.get_traced_memory()[0] - before, resident_bytes() - resident
    tracemalloc.stop()
    assert grown < 60_000 and resident < 4_000_000


@pytest.mark.parametrize(
    "name", ["road-users", "nanodet-g", "nanodet_plus_m_384x640", "yolox_nano_416", "omz_pvb_2002"]
)
def test_people_of_vtest_are_found_where_they_stand(name: str, media: Path, shared_models: Path) -> None:
    path = [MODELS, shared_models]
    card = find_card(name, path=path)
    detector = Detector(card, path=path)
    rows = np.loadtxt(media / "peds_pets09_gt_mot15.txt", delimiter=",", usecols=range(6))
    capture = cv2.VideoCapture(str(media / "peds_pets09_vtest.avi"))
    right, off, seen, true, number = 0, [], 0, 0, 0
    while (number := number + 1) <= 600:
        there, picture = capture.read()
        assert there
        if number % 100:
            continue
        found = detector.detect(to_frame(picture, NOW))
        people = found.boxes[(found.classes == 0) & (found.scores >= card.thresholds.confident)]
        truth = rows[rows[:, 0] == number, 2:6].astype(np.float32)
        truth[:, 2:] += truth[:, :2]
        truth /= np.array([768, 576] * 2, np.float32)
        overlap = iou(truth, people)
        hit = overlap.max(axis=1) >= 0.5
        middle = (people[overlap.argmax(axis=1)] - truth)[hit]
        off += list((middle[:, :2] + middle[:, 2:]) / 2 * [768, 576])
        right, seen, true = right + int(hit.sum()), seen + len(people), true + len(truth)
    assert right >= 0.8 * true, "recall"
    assert right >= 0.7 * seen, "precision"
    assert np.abs(np.mean(off, axis=0)).max() < 2, "a grid that is half a cell off shifts every box by 4 pixels or more"


def street() -> Frame:
    picture = cv2.imread(str(MODELS / "golden-street.jpg"))
    return to_frame(np.asarray(cv2.resize(picture, (1280, 960)), np.uint8), NOW)


def raw(found: Detections) -> bytes:
    return found.boxes.tobytes() + found.scores.tobytes() + found.classes.tobytes()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
