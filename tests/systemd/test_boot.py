"""A device's life under a real systemd: cameras by file, kills, hangs, reboots and power cuts, and no count lost."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from container import needs
from device import BROKER, EDGE_YAML, Device, camera_yaml, device, lost
from kit import made

pytestmark = pytest.mark.long
CAMERA, PUBLISHER = "edge-camera@gate.service", "edge-publisher.service"
WRONG = camera_yaml("gate").replace("analyse:", "analyze:")


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory, street: Path) -> Iterator[Device]:
    needs()
    pki = tmp_path_factory.mktemp("pki")
    for words in (("ca", pki), ("server", pki, BROKER), ("node", pki, "box-1")):
        made(*words)
    with device(tmp_path_factory.mktemp("boot"), street, bind=[(pki, "/pki")]) as box:
        box.listen()
        box.configure("gate")
        box.runs("gate")
        yield box


def pid(box: Device, unit: str) -> int:
    return int(box.machine.show(unit, "MainPID"))


def good(box: Device, name: str) -> str:
    return box.machine.run("cat", f"/var/lib/edge/good/cameras/{name}.yaml")


def applied(box: Device) -> None:
    """Waits until what was dropped is applied; systemd's word for it, not this test's."""
    box.machine.until(lambda: box.machine.show("edge-config.service", "ActiveState") != "activating", "applied")


def test_camera_is_added_by_dropping_a_file_and_removed_by_deleting_it(box: Device) -> None:
    before = pid(box, CAMERA)
    box.put("yard", camera_yaml("yard"))
    box.runs("gate", "yard")
    told = box.wait_for_flow("yard", 1)
    assert told[-1]["coverage"] > 0
    box.machine.run("rm", "/etc/edge/cameras/yard.yaml")
    unit = "edge-camera@yard.service"
    box.machine.until(lambda: box.machine.show(unit, "ActiveState") == "inactive", "yard is stopped")
    applied(box)
    assert box.machine.run("systemctl", "is-enabled", unit, check=False).strip() == "disabled"
    assert box.machine.shell("ls -d /etc/systemd/system/edge-camera@yard* || true").count("No such file")
    box.machine.until(lambda: "yard" not in box.heard("/box-1/info")[-1]["cameras"], "info without yard")
    assert pid(box, CAMERA) == before, "the other camera was not touched"
    assert lost(box.flow("yard")) == ""


def test_wrong_file_leaves_the_last_good_version_and_is_told(box: Device) -> None:
    before, right = pid(box, CAMERA), good(box, "gate")
    box.put("gate", WRONG)
    box.machine.until(lambda: box.heard("/gate/status")[-1]["state"] == "config", "the centre is told")
    told = box.heard("/gate/status")[-1]["reason"]
    assert told == "gate.yaml line 2 is wrong; the version before it runs"
    assert "gate.yaml:2:1: analyze: unknown key; did you mean analyse?" in box.machine.journal(
        "-u", "edge-config", "-p", "3"
    )
    assert (pid(box, CAMERA), good(box, "gate")) == (before, right)
    box.machine.run("systemctl", "restart", CAMERA)
    box.runs("gate")
    assert good(box, "gate") == right, "it starts from the good version too"

    box.put("gate", camera_yaml("gate", rate=4))
    box.machine.until(lambda: "rate: 4" in good(box, "gate"), "the mended file is the good one")
    applied(box)
    box.machine.until(lambda: box.heard("/gate/status")[-1]["state"] == "ok", "the centre is told that it is well")
    box.runs("gate")


def test_wrong_file_that_is_put_back_as_it_was_is_told_as_well(box: Device) -> None:
    right = good(box, "gate")
    box.put("gate", WRONG)
    box.machine.until(lambda: box.heard("/gate/status")[-1]["state"] == "config", "the centre is told")
    box.put("gate", right)
    box.machine.until(lambda: box.heard("/gate/status")[-1]["state"] == "ok", "the centre is told that it is well")


def test_new_camera_with_a_wrong_file_is_told_and_not_started(box: Device) -> None:
    box.put("broken", WRONG)
    box.machine.until(lambda: bool(box.heard("/broken/status")), "the centre is told")
    assert box.heard("/broken/status")[-1]["reason"] == "broken.yaml line 2 is wrong; the camera is not counted"
    assert box.machine.show("edge-camera@broken.service", "ActiveState") == "inactive"
    box.machine.run("systemctl", "restart", PUBLISHER)
    box.runs()
    stands = box.machine.run("mosquitto_sub", "-h", BROKER, "-t", "hue/1/box-1/broken/status", "-C", "1", "-W", "20")
    assert '"config"' in stands, "the publisher does not take it for a camera that is gone"
    box.put("broken", camera_yaml("yard"))
    box.runs("broken")
    box.machine.run("rm", "/etc/edge/cameras/broken.yaml")
    box.machine.until(lambda: box.machine.show("edge-camera@broken.service", "ActiveState") == "inactive", "stopped")


def test_ten_files_dropped_one_by_one_are_all_applied(box: Device) -> None:
    """Each comes while the one before is being applied, so that a change seen by nobody would show."""
    names = [f"c{number}" for number in range(10)]
    for name in names:
        box.put(name, WRONG)
    box.machine.until(lambda: set(box.machine.run("ls", "/var/lib/edge/good/faults").split()) == set(names), "all seen")
    for name in names:
        box.machine.run("rm", f"/etc/edge/cameras/{name}.yaml")
    box.machine.until(lambda: box.machine.run("ls", "/var/lib/edge/good/faults").split() == [], "all gone")


def test_new_password_restarts_the_camera_that_has_it(box: Device) -> None:
    before = pid(box, CAMERA)
    box.machine.shell(
        "umask 077; cat /etc/edge/secrets/gate >/root/gate; touch /root/gate; mv /root/gate /etc/edge/secrets/gate"
    )
    box.machine.until(lambda: pid(box, CAMERA) not in (0, before), "the camera has a new process")
    box.runs("gate")


def test_reload_begins_anew_and_loses_nothing(box: Device) -> None:
    for unit in (CAMERA, PUBLISHER):
        before = pid(box, unit)
        box.machine.run("systemctl", "reload", unit)
        box.machine.until(lambda unit=unit, before=before: pid(box, unit) not in (0, before), f"{unit} is new")
    box.runs("gate")
    assert lost(box.wait_for_flow("gate", 2)) == ""


@pytest.mark.parametrize("unit", [CAMERA, PUBLISHER])
def test_killed_process_is_back_and_nothing_is_lost(box: Device, unit: str) -> None:
    box.wait_for_flow("gate", 1)
    before = pid(box, unit)
    box.machine.run("systemctl", "kill", "-s", "KILL", "--kill-who=main", unit)
    box.machine.until(lambda: pid(box, unit) not in (0, before), f"{unit} is back")
    box.runs("gate")
    assert lost(box.wait_for_flow("gate", 3)) == ""


@pytest.mark.parametrize("unit", [CAMERA, PUBLISHER])
def test_hanging_process_is_restarted_by_the_watchdog(box: Device, unit: str) -> None:
    box.wait_for_flow("gate", 1)
    before = pid(box, unit)
    box.machine.run("systemctl", "kill", "-s", "STOP", "--kill-who=main", unit)
    box.machine.until(lambda: pid(box, unit) not in (0, before), f"{unit} is restarted", seconds=90)
    assert "Watchdog timeout" in box.machine.journal("-u", unit)
    box.runs("gate")
    assert lost(box.wait_for_flow("gate", 2)) == ""


def test_process_that_fails_each_time_is_tried_ever_more_seldom_and_at_once_by_hand(box: Device) -> None:
    machine, folder = box.machine, f"/run/systemd/system/{CAMERA}.d"
    machine.shell(f"mkdir -p {folder}; printf '[Service]\\nExecStart=\\nExecStart=false\\n' >{folder}/fails.conf")
    machine.shell(f"systemctl daemon-reload; systemctl restart --no-block {CAMERA}")
    note = f"/run/edge/failures-{CAMERA}"
    machine.until(lambda: machine.run("cat", note).split()[0] == "5", "it failed five times")
    starts = re.findall(r"\[ *([\d.]+)\].*: Main process exited", machine.journal("-b", "-u", CAMERA))[-5:]
    pauses = [float(after) - float(before) for before, after in itertools.pairwise(starts)]
    assert pauses[1] > 2 and pauses[2] > 4 and pauses[3] > 8, pauses
    machine.until(lambda: machine.show(CAMERA, "SubState") == "start-pre", "it waits")
    machine.shell(f"rm {folder}/fails.conf; systemctl daemon-reload; systemctl restart {CAMERA}")
    assert machine.run("cat", note).split()[0] == "0"
    box.runs("gate")


def test_stopped_target_stays_stopped_when_a_file_is_dropped(box: Device) -> None:
    box.machine.run("systemctl", "stop", "edge.target")
    box.machine.until(lambda: box.machine.show(PUBLISHER, "ActiveState") == "inactive", "all is stopped")
    said = box.machine.journal("-b", "-u", CAMERA, "-u", PUBLISHER)
    assert said.rindex(f"{CAMERA}: Deactivated") < said.rindex(f"{PUBLISHER}: Deactivated"), "the publisher is last"
    box.put("yard", camera_yaml("yard"))
    box.machine.run("edge", "apply")
    assert box.machine.show("edge-camera@yard.service", "ActiveState") == "inactive"
    box.machine.run("systemctl", "start", "edge.target")
    box.runs("gate", "yard")
    box.machine.run("rm", "/etc/edge/cameras/yard.yaml")
    box.machine.until(lambda: box.machine.show("edge-camera@yard.service", "ActiveState") == "inactive", "stopped")


def test_reboot_loses_nothing(box: Device) -> None:
    box.wait_for_flow("gate", 1)
    told = box.flow("gate")
    box.machine.shut_down()
    box.boot()
    box.start_centre()
    box.runs("gate")
    after = box.wait_for_flow("gate", 2)
    assert [each for each in told if each not in after] == []
    assert lost(after) == ""


def test_power_cut_loses_at_most_the_last_flush(box: Device) -> None:
    box.wait_for_flow("gate", 1)
    box.machine.cut_power()
    box.boot()
    box.start_centre()
    box.runs("gate")
    after = box.wait_for_flow("gate", 2)
    epochs = {each["epoch"] for each in after}
    assert len(epochs) == 1, "the numbers go on"
    assert len({each["seq"] for each in after}) == len(after)


def test_broker_away_is_told_by_the_publisher_and_waited_out(box: Device) -> None:
    box.machine.run("systemctl", "stop", "broker")
    box.machine.until(lambda: "messages are kept" in box.status(PUBLISHER), "it says that it keeps them")
    box.machine.run("systemctl", "is-active", CAMERA)
    box.broker()
    box.runs("gate")
    assert lost(box.wait_for_flow("gate", 2)) == ""


def test_wrong_edge_yaml_leaves_the_broker_of_before(box: Device) -> None:
    before = pid(box, PUBLISHER)
    box.machine.write("/etc/edge/edge.yaml", EDGE_YAML.replace("host:", "hots:"))
    box.machine.until(lambda: "hots" in box.machine.journal("-u", "edge-config", "-p", "3"), "it is told")
    applied(box)
    assert pid(box, PUBLISHER) == before
    box.machine.write("/etc/edge/edge.yaml", EDGE_YAML + "centre: centre-1\n")
    box.machine.until(lambda: pid(box, PUBLISHER) not in (0, before), "the new one is taken")
    box.runs("gate")


def test_publisher_has_its_key_though_only_root_may_read_it(box: Device) -> None:
    server = f"/root/pki/server/{BROKER}"
    lines = [f"listener 8883 {BROKER}", "cafile /root/pki/ca.pem", f"certfile {server}.pem", f"keyfile {server}.key"]
    lines += ["require_certificate true", "use_identity_as_username true", "user root"]
    box.machine.write("/root/tls.conf", "\n".join(lines) + "\n")
    box.machine.shell("cp -r /pki /root/pki; cp /pki/ca.pem /pki/node/* /etc/edge/tls; chmod 600 /etc/edge/tls/*")
    box.start("tls", "/usr/sbin/mosquitto", "-c", "/root/tls.conf")
    names = {"ca": "ca.pem", "certificate": "box-1.pem", "key": "box-1.key"}
    tls = ", ".join(f"{key}: /etc/edge/tls/{name}" for key, name in names.items())
    box.machine.write("/etc/edge/edge.yaml", f"node: box-1\nbroker: {{host: {BROKER}, tls: {{{tls}}}}}\n")
    box.machine.until(lambda: box.status(PUBLISHER).startswith(f"connected to {BROKER}:8883"), "connected with TLS")


def test_no_process_prints_a_traceback(box: Device) -> None:
    assert "Traceback" not in box.machine.journal("-u", "edge-*")
    assert BROKER in box.machine.journal("-u", PUBLISHER)


def test_camera_leaves_the_disk_to_the_publisher(box: Device) -> None:
    assert "cannot be written" not in box.machine.journal("-u", "edge-camera@*")


def test_damaged_journal_is_made_anew_for_both_users(box: Device) -> None:
    box.machine.run("systemctl", "stop", "edge.target")
    box.machine.until(lambda: box.machine.show(PUBLISHER, "ActiveState") == "inactive", "all is stopped")
    box.machine.shell("cd /run/edge; rm -f edge.db-*; head -c 65536 /dev/urandom >edge.db")
    box.machine.run("systemctl", "start", "edge.target")
    box.machine.until(lambda: "set aside" in box.machine.journal("-b", "-u", "edge-*"), "it is set aside")
    assert box.machine.run("stat", "-c", "%a %G", "/run/edge/edge.db").strip() == "660 edge"
    box.runs("gate")
