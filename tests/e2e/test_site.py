"""The main job, end to end: cameras, decoding, detection, counts, outbox, MQTT, the centre; and kills in between."""

from __future__ import annotations

import json
import signal
import time
from datetime import datetime

import pytest
from broker import wait_until
from contract import fits
from site_ import NODE, Site

MATRIX = [
    pytest.param((2, 10, 45), id="two_cameras"),
    pytest.param((4, 60, 300), id="four_cameras_five_minutes", marks=pytest.mark.long),
]


@pytest.fixture(params=MATRIX)
def case(request, tmp_path, street):
    """A running site, the seconds of an interval and of the whole."""
    cameras, every, seconds = request.param
    site = Site(tmp_path, clip=street, cameras=cameras, every=every, rate=5)
    yield site, every, seconds
    for process in (site.edge, site.centre):
        if process.poll() is None:
            process.kill()
    site.broker.end(signal.SIGKILL)
    if site.camera.process.poll() is None:
        site.camera.stop()


def test_site_loses_nothing_through_kills(case):
    site, every, seconds = case
    wait_until(lambda: len(statuses(site, "ok")) == len(site.cameras), what=lambda: site.log("run"), seconds=60)
    begin = time.time()
    for share, kill in ((0.3, lambda: site.kill("camera", "cam-1")), (0.5, lambda: site.kill("publish")),
                        (0.7, lambda: crash(site.broker))):  # fmt: skip
        time.sleep(max(0.0, begin + share * seconds - time.time()))
        kill()
    time.sleep(max(0.0, begin + seconds - time.time()))
    # every interval that began after the cameras were there and is over has come through in the end
    first, last = -(-begin // every) * every, (time.time() // every - 1) * every
    expected = round((last - first) / every) + 1
    assert expected >= 2
    wait_until(
        lambda: arrived(site, first, last) == expected * 5 * len(site.cameras),
        what=lambda: f"{arrived(site, first, last)}\n{site.log('run')}\n{site.log('listen')}",
        seconds=90,
    )
    report(site, first, last)
    assert contiguous(site)
    for camera in site.cameras:
        whole = [i for i in site.intervals(camera) if first <= unix(i.start) <= last]
        unseen = sum((1 - i.coverage) * every for i in whole) / 5  # five rules see the same seconds
        assert unseen <= 10, (camera, [i for i in whole if i.coverage < 0.95])
        assert sum(i.coverage for i in whole) / len(whole) >= (0.95 if seconds >= 300 else 0.7)
    assert sums_agree(site)
    of_the_contract(site)
    assert site.stop() == 0
    assert "Traceback" not in site.log("run") + site.log("listen")


def crash(broker):
    broker.end(signal.SIGKILL)
    broker.start()


def statuses(site, state):
    """The cameras whose status at the centre is that."""
    bodies = [json.loads(body) for (body,) in site.query("SELECT body FROM present WHERE kind = 'status'")]
    return [body["camera"] for body in bodies if body.get("camera") and body["state"] == state]


def unix(start):
    return datetime.fromisoformat(start).timestamp()


def arrived(site, first, last):
    return sum(first <= unix(i.start) <= last for camera in site.cameras for i in site.intervals(camera))


def contiguous(site):
    """Whether the centre has every number from 1 on, none lost."""
    ranges = site.query("SELECT first, last FROM received WHERE node = ? ORDER BY first", NODE)
    return len(ranges) == 1 and ranges[0][0] == 1 and site.query("SELECT count(*) FROM lost") == [(0,)]


def sums_agree(site):
    """Per line and direction: the intervals add up to the last total, and so do the single crossings by then."""
    for camera in site.cameras:
        for (rule,) in site.query("SELECT DISTINCT rule FROM flow WHERE camera = ?", camera):
            rows = site.query("SELECT body FROM flow WHERE camera = ? AND rule = ? ORDER BY start", camera, rule)
            flows = [json.loads(body) for (body,) in rows]
            for way in (0, 1):
                summed = sum(pair[way] for flow in flows for pair in flow.get("count", {}).values())
                assert summed == flows[-1]["total"][way], (camera, rule, way)
            ended = unix(flows[-1]["start"]) + flows[-1]["seconds"]
            crossed = site.query('SELECT at FROM "cross" WHERE camera = ? AND rule = ?', camera, rule)
            assert sum(flows[-1]["total"]) == sum(unix(at) < ended for (at,) in crossed), (camera, rule)
    return True


def of_the_contract(site):
    """Every message that the centre has fits its schema."""
    told = [(kind, body) for kind in ("flow", "zone", "cross") for (body,) in site.query(f'SELECT body FROM "{kind}"')]
    for camera, kind, body in site.query("SELECT camera, kind, body FROM present"):
        told.append((f"{'camera' if camera else 'node'}-status" if kind == "status" else kind, body))
    assert {kind for kind, _ in told} >= {"flow", "zone", "cross", "node-status", "camera-status", "info"}
    for kind, body in told:
        fits(body, kind)


def report(site, first, last):
    """For people who run this by hand (-s)."""
    for camera in site.cameras:
        whole = [i for i in site.intervals(camera) if first <= unix(i.start) <= last]
        lowest, mean = min(i.coverage for i in whole), sum(i.coverage for i in whole) / len(whole)
        totals = [json.loads(b)["total"] for (b,) in site.query(
            "SELECT body FROM flow WHERE camera = ? GROUP BY rule HAVING start = max(start)", camera)]  # fmt: skip
        print(f"{camera}: {len(whole)} intervals, coverage mean {mean:.3f} lowest {lowest:.3f}, totals {totals}")
    print("numbers", site.query("SELECT first, last FROM received"), "duplicates",
          site.query("SELECT name, number FROM tally"))  # fmt: skip
