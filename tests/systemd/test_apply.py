"""`edge apply` as far as it goes without systemd: what a camera's unit is told that it may reach and know."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from edge.apply import Good, Places, allow
from edge.units import DropIn, booted, cameras_with_units, credential

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    return tmp_path / "hosts" / "gate"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("rtsp://192.168.1.21:554/a", "192.168.1.21"),
        ("rtsp://[fe80::1%25eth0]:554/a", "fe80::1"),
        ("rtsps://[2001:db8::21]/a", "2001:db8::21"),
    ],
)
def test_camera_with_an_address_may_reach_just_that(hosts: Path, url: str, address: str) -> None:
    assert allow(url, hosts, "") == f"IPAddressAllow={address}\n"
    assert not hosts.exists()


def test_camera_with_a_name_may_reach_what_it_means_and_asks_nobody(hosts: Path) -> None:
    text = allow("rtsp://localhost:554/a", hosts, "")
    addresses = re.findall(r"IPAddressAllow=(\S+)", text)
    assert "127.0.0.1" in addresses
    assert f"BindReadOnlyPaths={hosts}:/etc/hosts\n" in text
    assert hosts.read_text() == "".join(f"{each} localhost\n" for each in addresses)


def test_camera_whose_name_is_not_found_now_keeps_the_address_of_before(hosts: Path) -> None:
    before = "[Service]\nIPAddressAllow=10.9.8.7\n"
    text = allow("rtsp://camera.invalid/a", hosts, before)
    assert "IPAddressAllow=10.9.8.7\n" in text
    assert hosts.read_text() == "10.9.8.7 camera.invalid\n"


def test_camera_whose_name_was_never_found_reaches_nothing(hosts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert allow("rtsp://camera.invalid/a", hosts, "") == ""
    assert "camera.invalid: the name cannot be looked up now" in capsys.readouterr().err


def test_name_that_is_none_does_not_get_into_a_file(hosts: Path) -> None:
    assert allow("rtsp://a%20b;c/a", hosts, "") == ""
    assert not hosts.exists()


def test_new_secret_makes_other_lines(tmp_path: Path) -> None:
    secret = tmp_path / "gate"
    secret.write_text("u:one")
    before = credential("gate", secret)
    assert before.endswith(f"LoadCredential=gate:{secret}\n")
    assert credential("gate", secret) == before
    secret.write_text("u:two")
    os.utime(secret, ns=(1, 1))
    assert credential("gate", secret) != before
    assert "two" not in credential("gate", secret)


def test_drop_in_is_news_once_and_goes_without_the_operators_own(tmp_path: Path) -> None:
    drop_in = DropIn("edge-camera@gate.service", folder=tmp_path)
    assert drop_in.write("a")
    assert not drop_in.write("a")
    assert cameras_with_units(tmp_path) == {"gate"}
    own = tmp_path / "edge-camera@gate.service.d" / "own.conf"
    own.write_text("[Service]\n")
    drop_in.remove()
    assert own.exists()
    assert cameras_with_units(tmp_path) == set()


def test_good_version_stays_until_another_is_taken(tmp_path: Path) -> None:
    good = Good(tmp_path / "good")
    file = tmp_path / "gate.yaml"
    file.write_text("one")
    assert good.take(file, "cameras/gate.yaml")
    assert not good.take(file, "cameras/gate.yaml")
    file.write_text("two")
    assert good.fault("gate", "gate.yaml line 1 is wrong")
    assert not good.fault("gate", "gate.yaml line 1 is wrong")
    assert (good.folder / "cameras" / "gate.yaml").read_text() == "one"
    assert good.known == good.cameras == {"gate"}
    good.forget("gate")
    assert good.known == set()


def test_original_of_a_copy_is_the_file_that_people_wrote(tmp_path: Path) -> None:
    from edge.config.settings import Settings

    places = Places(Path("/etc/edge"), Settings(config=tmp_path), Good(tmp_path), tmp_path)
    assert places.original(tmp_path / "cameras" / "a.yaml") == Path("/etc/edge/cameras/a.yaml")


def test_apply_without_systemd_says_what_to_do_instead() -> None:
    if booted():
        pytest.skip("systemd runs this machine")
    done = subprocess.run(
        [sys.executable, "-m", "edge", "apply"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "apply: systemd does not run this machine; start everything with edge run\n"
