"""The true crossings of vtest: two detectors propose, a person decides on the sheets that this draws.

    vtest_truth.py detect CLIP MODELS FOUND.npz      every frame through both nets, joined by suppression
    vtest_truth.py tracks FOUND.npz TRACKS.json      tracks and their crossings: candidates, no more
    vtest_truth.py slits CLIP TRACKS.json FOLDER     per line the pixel column stacked over time, candidates marked
    vtest_truth.py sheets CLIP TRACKS.json FOLDER    per candidate the surroundings of the line around its moment
    vtest_truth.py walk CLIP TRACKS.json FOLDER      whole pictures with numbered boxes, to see ids change hands
    vtest_truth.py frames CLIP LINE FIRST:LAST FILE  every frame around one line, plain, where the sheets leave a doubt

edge/demo/vtest.truth.json is the outcome: what the eye found, not what this proposes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

RATE = 10.0
TOP = 110
LINES = {"x200": 200, "x346": 346, "x460": 460, "x560": 560}
COLOURS = [(60, 60, 255), (60, 255, 60), (255, 120, 60), (0, 220, 255), (255, 60, 255), (255, 255, 0), (255, 255, 255)]
Picture = np.ndarray[Any, Any]


def pictures(clip: str) -> Iterator[Picture]:
    video = cv2.VideoCapture(clip)
    while True:
        more, picture = video.read()
        if not more:
            return
        yield picture


def nanodet_plus(net: cv2.dnn.Net, picture: Picture) -> Picture:
    """Persons as x1 y1 x2 y2 score in pixels, from [3598, 80 + 32]."""
    wide, high = 640, 384
    height, width = picture.shape[:2]
    blob = cv2.dnn.blobFromImage(picture, 1.0, (wide, high), (103.53, 116.28, 123.675))
    blob /= np.array([57.375, 57.12, 58.395], np.float32).reshape(1, 3, 1, 1)
    net.setInput(blob)
    out = net.forward().reshape(-1, 112)
    centres = []
    for stride in (8, 16, 32, 64):
        ys, xs = np.mgrid[0 : -(-high // stride), 0 : -(-wide // stride)]
        centres.append(np.stack([xs.ravel() * stride, ys.ravel() * stride, np.full(xs.size, stride)], 1))
    grid = np.concatenate(centres)
    bins = np.exp(out[:, 80:].reshape(-1, 4, 8) - out[:, 80:].max())
    reach = (bins / bins.sum(2, keepdims=True) @ np.arange(8)) * grid[:, 2:]
    corners = np.concatenate([grid[:, :2] - reach[:, :2], grid[:, :2] + reach[:, 2:]], 1)
    scale = np.array([width / wide, height / high] * 2)
    return np.concatenate([corners * scale, out[:, :1]], 1)


def omz_2002(net: cv2.dnn.Net, picture: Picture) -> Picture:
    """Persons as x1 y1 x2 y2 score in pixels, from corners [n, 4] and scores [n, 4]."""
    height, width = picture.shape[:2]
    net.setInput(cv2.dnn.blobFromImage(picture, 1.0, (512, 512)))
    found = dict(zip(("boxes", "scores"), net.forward(["boxes", "scores"]), strict=True))
    scale = np.array([width, height] * 2)
    return np.concatenate([found["boxes"].reshape(-1, 4) * scale, found["scores"].reshape(-1, 4)[:, 1:2]], 1)


def detect(clip: str, models: str, target: str) -> None:
    cv2.setNumThreads(1)
    plus = cv2.dnn.readNetFromONNX(str(Path(models) / "nanodet_plus_m_384x640.onnx"))
    omz = cv2.dnn.readNetFromONNX(str(Path(models) / "omz_pvb_2002.onnx"))
    rows = []
    for index, picture in enumerate(pictures(clip)):
        both = np.concatenate([nanodet_plus(plus, picture), omz_2002(omz, picture)])
        both = both[(both[:, 4] > 0.3) & (both[:, 3] > TOP)]
        sizes = [(float(x1), float(y1), float(x2 - x1), float(y2 - y1)) for x1, y1, x2, y2, _ in both]
        keep = cv2.dnn.NMSBoxes(sizes, both[:, 4].tolist(), 0.3, 0.55)
        rows += [(index, *both[k]) for k in np.array(keep, int).ravel()]
    np.savez(target, rows=np.array(rows, np.float32))


def overlap(a: Picture, b: Picture) -> float:
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    area = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - w * h
    return float(w * h / area)


def follow(rows: Picture) -> list[dict[int, Picture]]:
    """Greedy tracks by overlap with a constant-speed forecast; 12 lost frames end one."""
    alive: list[dict[int, Picture]] = []
    done: list[dict[int, Picture]] = []
    for now in range(int(rows[:, 0].max()) + 1):
        boxes = list(rows[rows[:, 0] == now][:, 1:5])
        pairs = sorted(
            (
                (overlap(forecast(track, now), box), t, b)
                for t, track in enumerate(alive)
                for b, box in enumerate(boxes)
            ),
            reverse=True,
        )
        used_tracks: set[int] = set()
        used_boxes: set[int] = set()
        for score, t, b in pairs:
            if score > 0.2 and t not in used_tracks and b not in used_boxes:
                alive[t][now] = boxes[b]
                used_tracks.add(t)
                used_boxes.add(b)
        alive += [{now: box} for b, box in enumerate(boxes) if b not in used_boxes]
        done += [track for track in alive if now - max(track) > 12]
        alive = [track for track in alive if now - max(track) <= 12]
    return [track for track in done + alive if len(track) >= 4]


def forecast(track: dict[int, Picture], now: int) -> Picture:
    seen = sorted(track)
    last = track[seen[-1]]
    if len(seen) < 4:
        return last
    before = track[seen[-4]]
    move = ((last[0] + last[2]) - (before[0] + before[2])) / 2 / (seen[-1] - seen[-4])
    return last + np.array([move, 0, move, 0]) * min(now - seen[-1], 6)


def tracks(found: str, target: str) -> None:
    known = sorted(follow(np.load(found)["rows"]), key=min)
    result = {
        str(i): {str(k): [round(float(v), 1) for v in box] for k, box in track.items()} for i, track in enumerate(known)
    }
    events = [event for i, track in enumerate(known) for event in crossings(i, track)]
    events.sort(key=lambda event: (event["line"], event["t"]))
    Path(target).write_text(json.dumps({"tracks": result, "candidates": events}))
    for event in events:
        print(event)


def crossings(number: int, track: dict[int, Picture], band: float = 3.0) -> Iterator[dict[str, Any]]:
    """Sides taken beyond a band of 3 pixels; the moment is where the straight path between them meets the line."""
    for line, x in LINES.items():
        side, at = 0, (0, 0.0)
        for frame in sorted(track):
            box = track[frame]
            off = float(box[0] + box[2]) / 2 - x
            if abs(off) < band:
                continue
            now = 1 if off > 0 else -1
            if side and now != side:
                t = (at[0] + (frame - at[0]) * at[1] / (at[1] - off)) / RATE
                # Walked from top to bottom of the picture, left of the line is the right of the picture.
                yield {"line": line, "t": round(t, 2), "direction": int(now > 0), "track": number, "y": int(box[3])}
            side, at = now, (frame, off)


def slits(clip: str, source: str, folder: str) -> None:
    """One strip of 400 frames, 4 pixels a frame: 3 columns of pixels wide, so a walker keeps a shape."""
    events = json.loads(Path(source).read_text())["candidates"]
    seen = list(pictures(clip))
    for line, x in LINES.items():
        strip = np.concatenate([cv2.resize(p[TOP - 10 :, x - 1 : x + 2], (8, 466 + 10)) for p in seen], 1)
        for k, event in enumerate(events):
            if event["line"] == line:
                at = int(event["t"] * RATE * 8)
                colour = COLOURS[event["direction"]]
                cv2.circle(strip, (at, event["y"] - TOP + 10), 4, colour, -1)
                label = f"{k}{'<>'[event['direction']]}"
                cv2.putText(strip, label, (at - 10, event["y"] - TOP + 28), 0, 0.5, colour, 1, cv2.LINE_AA)
        for second in range(80):
            cv2.putText(strip, str(second), (second * 80, 12), 0, 0.45, (0, 255, 255), 1, cv2.LINE_AA)
            cv2.line(strip, (second * 80, 0), (second * 80, 16), (0, 255, 255), 1)
        for part in range(0, strip.shape[1], 1600):
            cv2.imwrite(str(Path(folder) / f"slit_{line}_{part // 80:02d}.png"), strip[:, part : part + 1600])


def sheets(clip: str, source: str, folder: str) -> None:
    """Nine moments around each candidate, the line drawn beside the feet; six candidates a sheet."""
    known = json.loads(Path(source).read_text())
    seen = list(pictures(clip))
    rows = []
    for k, event in enumerate(known["candidates"]):
        x, y = LINES[event["line"]], event["y"]
        frame = round(event["t"] * RATE)
        cells = []
        for step in (-12, -7, -4, -2, 0, 2, 4, 7, 12):
            f = min(max(frame + step, 0), len(seen) - 1)
            picture = seen[f].copy()
            cv2.line(picture, (x, TOP), (x, 575), (0, 255, 255), 1)
            box = known["tracks"][str(event["track"])].get(str(f))
            if box:
                cv2.rectangle(picture, (int(box[0]), int(box[1])), (int(box[2]), int(box[3])), (0, 0, 255), 1)
            top = min(max(y - 130, 0), 576 - 160)
            cell = cv2.resize(picture[top : top + 160, x - 80 : x + 80], (200, 200))
            cv2.putText(cell, f"{f}", (2, 12), 0, 0.4, (255, 255, 255), 1, cv2.LINE_AA)
            cells.append(cell)
        label = f"#{k} {event['line']} t={event['t']} {'<>'[event['direction']]} track {event['track']}"
        cv2.putText(cells[0], label, (2, 195), 0, 0.36, (0, 255, 255), 1, cv2.LINE_AA)
        rows.append(np.concatenate(cells, 1))
    for part in range(0, len(rows), 5):
        cv2.imwrite(str(Path(folder) / f"sheet_{part:03d}.png"), np.concatenate(rows[part : part + 5], 0))


def walk(clip: str, source: str, folder: str) -> None:
    """Every fifth picture, six to a sheet, each box with the number of its track."""
    known = json.loads(Path(source).read_text())["tracks"]
    page: list[Picture] = []
    for index, picture in enumerate(pictures(clip)):
        if index % 5:
            continue
        for x in LINES.values():
            cv2.line(picture, (x, TOP), (x, 575), (0, 255, 255), 1)
        for number, track in known.items():
            if box := track.get(str(index)):
                colour = COLOURS[int(number) % len(COLOURS)]
                cv2.rectangle(picture, (int(box[0]), int(box[1])), (int(box[2]), int(box[3])), colour, 1)
                cv2.putText(picture, number, (int(box[0]), int(box[1]) - 3), 0, 0.5, colour, 1, cv2.LINE_AA)
        cv2.putText(picture, str(index), (5, 20), 0, 0.7, (255, 255, 255), 2)
        page.append(picture)
        if len(page) == 6:
            grid = np.concatenate([np.concatenate(page[:3], 1), np.concatenate(page[3:], 1)], 0)
            cv2.imwrite(str(Path(folder) / f"walk_{index - 25:03d}.png"), grid)
            page = []


def frames(clip: str, line: str, span: str, target: str) -> None:
    first, last = map(int, span.split(":"))
    x, cells = LINES[line], []
    for index, picture in enumerate(pictures(clip)):
        if first <= index <= last:
            cv2.line(picture, (x, TOP), (x, 575), (0, 255, 255), 1)
            cv2.putText(picture, str(index), (x - 75, TOP + 15), 0, 0.5, (255, 255, 255), 1, cv2.LINE_AA)
            cells.append(picture[TOP:, x - 80 : x + 80])
    cells += [np.zeros_like(cells[0])] * (-len(cells) % 8)
    cv2.imwrite(target, np.concatenate([np.concatenate(cells[i : i + 8], 1) for i in range(0, len(cells), 8)], 0))


if __name__ == "__main__":
    steps = {"frames": frames, "detect": detect, "tracks": tracks, "slits": slits, "sheets": sheets, "walk": walk}
    if len(sys.argv) < 2 or sys.argv[1] not in steps:
        sys.exit(__doc__)
    steps[sys.argv[1]](*sys.argv[2:])
