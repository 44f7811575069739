"""The net learns, starts from published weights unchanged, and leaves as a model that the product reads."""
# ruff: noqa: E402 - the imports come after the look whether torch is there

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: the training has an environment of its own")
onnxruntime = pytest.importorskip("onnxruntime")

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts" / "train"))

from _batches import Batch, Plan
from _card import write_card
from _export import blend, folded, to_onnx
from _loop import Learner, Run
from _loss import Target, assign, generous_iou, make_points, measure, to_boxes
from _net import STRIDES, RoadUsers
from _planes import MEAN, planes_of, to_colours, to_planes
from _start import start_from

from edge.dataflow import Instant
from edge.detections.card import find_card, read_card
from edge.detections.decode import decode
from edge.detections.detector import Detector
from edge.detections.golden import to_frame

CPU = torch.device("cpu")
SIZE = (96, 128)
POINTS = make_points(*SIZE, STRIDES, device=CPU)
ORIGIN = {"attribution": "nobody", "trained_on": "nothing", "state": "a test"}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.manual_seed(1)
    torch.set_num_threads(1)


def batch(count: int = 4) -> Batch:
    """Grey pictures with one bright rectangle each: a car on even rows, a tall motorcycle on odd ones."""
    rng, pictures, targets = np.random.default_rng(0), [], []
    for number in range(count):
        picture = rng.integers(50, 80, (3, *SIZE)).astype(np.uint8)
        x, y = rng.integers(5, 60), rng.integers(5, 40)
        wide, tall, kind = (50, 30, 3) if number % 2 == 0 else (20, 44, 2)
        picture[:, y : y + tall, x : x + wide] = 220
        pictures.append(torch.from_numpy(picture))
        box = torch.tensor([[x, y, x + wide, y + tall]], dtype=torch.float32)
        targets.append(Target(box, torch.tensor([kind]), torch.zeros(0, 4)))
    return Batch(torch.stack(pictures), targets)


def learner(folder: Path, *, pictures: int = 4 * 60) -> Learner:
    plan = Plan(pictures, batch=4, warm=5)
    return Learner(RoadUsers(), Run(folder, CPU, 0, 1, {}), plan)


def test_points_are_counted_as_the_product_decodes_them() -> None:
    card = find_card("yolox_nano_416", path=[ROOT / "models"])
    card = card.model_copy(
        update={
            "input": card.input.model_copy(update={"height": SIZE[0], "width": SIZE[1]}),
            "head": card.head.model_copy(update={"classes": 6}),
            "classes": {3: "car"},
        }
    )
    raw = torch.randn(1, len(POINTS.corners), 11)
    answer = raw.clone()
    answer[..., 4:] = 1.0
    found = decode([answer.numpy()], card)
    assert found.boxes == pytest.approx(to_boxes(raw[0], POINTS).numpy(), abs=1e-3)


def test_points_that_answer_lie_in_their_road_user_and_answer_for_one_only() -> None:
    target = Target(torch.tensor([[10.0, 10, 60, 40], [64, 30, 84, 74]]), torch.tensor([3, 2]), torch.zeros(0, 4))
    raw = torch.randn(len(POINTS.corners), 11) * 0.1
    who, whom, overlap = assign(to_boxes(raw, POINTS), raw[:, 4:], target, POINTS)
    assert set(whom.tolist()) == {0, 1}
    assert len(set(who.tolist())) == len(who)
    centres, boxes = POINTS.centres[who], target.boxes[whom]
    assert ((centres > boxes[:, :2]) & (centres < boxes[:, 2:])).all()
    assert ((overlap >= 0) & (overlap <= 1)).all()


def test_where_nothing_is_known_nothing_is_asked() -> None:
    empty = Target(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64), torch.zeros(0, 4))
    raw = torch.zeros(1, len(POINTS.corners), 11)
    raw[..., 4] = 3.0
    everywhere = replace(empty, unknown=torch.tensor([[0.0, 0, SIZE[1], SIZE[0]]]))
    left = replace(empty, unknown=torch.tensor([[0.0, 0, SIZE[1] / 2, SIZE[0]]]))
    full = float(measure(raw, [empty], POINTS).total)
    assert full > 1
    assert float(measure(raw, [everywhere], POINTS).total) == 0
    assert float(measure(raw, [left], POINTS).total) == pytest.approx(full / 2, rel=0.01)


def test_a_road_user_in_a_region_of_nothing_known_is_asked_for() -> None:
    box = torch.tensor([[10.0, 10, 60, 40]])
    raw = torch.zeros(1, len(POINTS.corners), 11)
    loss = measure(raw, [Target(box, torch.tensor([3]), torch.tensor([[0.0, 0, 128, 96]]))], POINTS)
    assert float(loss.there) > 0.5
    assert float(loss.kind) > 0


def test_overlap_of_apart_boxes_is_below_zero_and_of_equal_ones_one() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10]])
    others = torch.tensor([[0.0, 0, 10, 10], [30, 0, 40, 10]])
    assert generous_iou(boxes, others).tolist() == pytest.approx([1.0, -0.5])


def test_net_learns_four_pictures_by_heart(tmp_path: Path) -> None:
    apprentice, lesson = learner(tmp_path), batch()
    losses = [float(apprentice.learn(lesson).total.detach()) for _ in range(60)]
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])


def test_early_layers_stay_as_they_were(tmp_path: Path) -> None:
    apprentice = learner(tmp_path)
    before = {name: value.clone() for name, value in apprentice.net.state_dict().items()}
    apprentice.learn(batch())
    changed = {name for name, value in apprentice.net.state_dict().items() if not torch.equal(value, before[name])}
    assert not {name for name in changed if name.startswith(("backbone.stem", "backbone.fine.0", "backbone.fine.1."))}
    assert {name for name in changed if name.startswith("backbone.fine.2")}


def test_training_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    lesson, whole, first = batch(), learner(tmp_path / "a"), learner(tmp_path)
    second = learner(tmp_path)
    second.net.load_state_dict(first.net.state_dict())
    whole.net.load_state_dict(first.net.state_dict())
    for _ in range(4):
        whole.learn(lesson)
    for _ in range(2):
        first.learn(lesson)
    first.save()
    assert second.resume()
    for _ in range(2):
        second.learn(lesson)
    assert second.step == whole.step == 4
    for mine, other in zip(second.net.state_dict().values(), whole.net.state_dict().values(), strict=True):
        assert torch.allclose(mine.float(), other.float(), atol=1e-5)


def test_longer_plan_goes_on_from_before_the_rate_fell(tmp_path: Path) -> None:
    short = learner(tmp_path, pictures=4 * 10)
    for _ in range(10):
        short.learn(batch())
        if short.step in (short.plan.flat_until, short.plan.steps):
            short.save()
    again, longer = learner(tmp_path, pictures=4 * 10), learner(tmp_path, pictures=4 * 40)
    assert again.resume()
    assert longer.resume()
    assert (again.step, longer.step) == (10, 7)
    assert longer.plan.rate(longer.step) == 1.0


def test_rate_rises_stays_and_falls() -> None:
    plan = Plan(16_000)
    rates = [plan.rate(step) for step in range(plan.steps)]
    assert rates[0] < 0.01
    assert rates[plan.warm : plan.flat_until] == [1.0] * (plan.flat_until - plan.warm)
    assert rates[plan.flat_until :] == sorted(rates[plan.flat_until :], reverse=True)
    assert rates[-1] < 0.03


def test_start_changes_nothing_of_the_published_net(shared_models: Path) -> None:
    """The scores of our six classes are those that onnxruntime gives with the published file."""
    card = find_card("yolox_nano_416", path=[ROOT / "models"])
    file = (shared_models / card.weights).read_bytes()
    frames = np.random.default_rng(0).integers(0, 255, (4, 3, 416, 416)).astype(np.float32)
    net = RoadUsers()
    start_from(net, file, torch.from_numpy(frames))
    with torch.no_grad():
        answer = net.eval()(torch.from_numpy(frames[:1]))[0]
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    published = session.run(None, {session.get_inputs()[0].name: frames[:1]})[0][0]
    assert answer[:, :4].numpy() == pytest.approx(published[:, :4], abs=1e-3)
    columns = [4, 5, 6, 8, 7, 10, 12]
    assert answer[:, 4:].sigmoid().numpy() == pytest.approx(published[:, columns], abs=1e-3)


def test_exported_net_is_a_model_that_the_product_reads(tmp_path: Path) -> None:
    """With its card, as `edge.detections` wants it; and another net can start from the file."""
    shutil.copy(ROOT / "models" / "golden-street.jpg", tmp_path)
    apprentice, lesson = learner(tmp_path), batch()
    for _ in range(3):
        apprentice.learn(lesson)
    weights = to_onnx(folded(apprentice.mean), height=352, width=640)
    measured = {
        "set": {
            "pictures": 3,
            "ap50": {"car": 50.1},
            "true": {"car": 120},
            "best_threshold": {"car": 0.41},
            "note": 'a "set"',
        }
    }
    card = write_card("road-users", weights, origin=ORIGIN, measured=measured, folder=tmp_path)
    assert read_card(tmp_path / "road-users.toml") == card
    assert card.thresholds.sure == {"car": 0.41}
    assert (card.input.width, card.input.height, card.input.channels, card.input.adapts) == (640, 352, "yuv", True)
    assert card.accuracy[0].ap50 == {"car": 50.1}
    assert len(weights) < 8e6
    Detector(card, path=[tmp_path]).detect(to_frame(np.full((360, 640, 3), 90, np.uint8), Instant(0.0, 0.0)))
    again, pictures = RoadUsers(), as_a_camera_gives(lesson.pictures)
    start_from(again, weights, pictures)
    with torch.no_grad():
        before, after = (net.eval()(pictures) for net in (apprentice.mean, again))
    assert after.numpy() == pytest.approx(before.numpy(), abs=1e-2)


def as_a_camera_gives(pictures: torch.Tensor) -> torch.Tensor:
    """The same colour in every four pixels, which is finer than a camera's chroma can be."""
    return torch.nn.functional.avg_pool2d(pictures.float(), 2).repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)


def test_first_layer_on_planes_answers_as_on_colours_and_leads_back() -> None:
    weight, rng = torch.randn(16, 3, 6, 6), torch.Generator().manual_seed(2)
    pictures = as_a_camera_gives(255 * torch.rand(2, 3, 64, 96, generator=rng))
    luma, chroma = planes_of(pictures)
    of_luma, of_chroma = to_planes(weight)
    convolve = torch.nn.functional.conv2d
    on_planes = convolve(luma, of_luma, stride=2, padding=2) + convolve(chroma, of_chroma, padding=1)
    on_colours = convolve(pictures, weight, stride=2, padding=2)
    assert torch.allclose(on_planes, on_colours, rtol=1e-3, atol=0.2)
    back = convolve(pictures, to_colours(of_luma, of_chroma), stride=2, padding=2)
    assert torch.allclose(back, on_colours, rtol=1e-3, atol=0.2)


def test_planes_are_those_of_the_decoder() -> None:
    """What OnPlanes takes is what cv2 makes of a picture, less MEAN, to half a grey value or so."""
    picture = np.zeros((16, 16, 3), np.uint8)
    picture[:, :8], picture[:, 8:] = (30, 120, 200), (200, 60, 90)
    frame = to_frame(picture, Instant(0.0, 0.0))
    luma, chroma = planes_of(torch.from_numpy(picture).permute(2, 0, 1)[None].float())
    assert luma[0, 0].numpy() == pytest.approx(frame.y - np.float32(MEAN[0]), abs=1.5)
    assert chroma[0].numpy() == pytest.approx(np.stack([frame.u, frame.v]) - np.float32(MEAN[1]), abs=1.5)


def test_blend_lies_between_start_and_learnt() -> None:
    start, learnt = RoadUsers(), RoadUsers()
    ends = [folded(net).state_dict() for net in (start, learnt)]
    for share, expected in ((0.0, ends[0]), (1.0, ends[1])):
        mixed = blend(start, learnt, share=share).state_dict()
        assert all(torch.allclose(mixed[name], expected[name]) for name in mixed)
    half = blend(start, learnt, share=0.5).state_dict()
    assert all(torch.allclose(half[name], (ends[0][name] + ends[1][name]) / 2, atol=1e-6) for name in half)
