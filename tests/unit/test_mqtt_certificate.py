"""This device's own certificate: read as openssl made it, spoken of in time and not too often."""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime, timedelta

import pytest

from edge.mqtt import certificate
from edge.mqtt.certificate import DAY_SECONDS, Certificate, Watch, name_in, read


def certify(file, *, days, subject="/CN=hue-edge-01"):
    """A certificate of its own authority, made by openssl."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-days", str(days), "-utf8", "-subj", subject, "-keyout", file.with_suffix(".key"), "-out", file],
        check=True, capture_output=True,
    )  # fmt: skip
    return file


def ends(file):
    """The end as openssl tells it."""
    told = subprocess.run(["openssl", "x509", "-in", file, "-noout", "-enddate"], check=True, capture_output=True)
    return datetime.strptime(told.stdout.decode().strip(), "notAfter=%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)


@pytest.mark.parametrize("days", [1, 730, 40_000], ids=["near", "usual", "after-2049"])
def test_certificate_is_read_as_openssl_reads_it(tmp_path, days):
    file = certify(tmp_path / "node.pem", days=days)
    assert read(file) == Certificate("hue-edge-01", ends(file).timestamp())


@pytest.mark.parametrize(
    ("subject", "name"), [("/C=VN/O=Huế/CN=hue-edge-01", "hue-edge-01"), ("/O=Huế", ""), ("/CN=Cầu", "Cầu")]
)
def test_certificate_name_is_the_common_name(tmp_path, subject, name):
    assert name_in(certify(tmp_path / "node.pem", days=1, subject=subject)) == name


def test_certificate_is_the_first_of_a_chain(tmp_path):
    first = certify(tmp_path / "node.pem", days=1)
    second = certify(tmp_path / "ca.pem", days=9, subject="/CN=ca")
    chain = tmp_path / "chain.pem"
    chain.write_text(f"Bag Attributes\n{first.read_text()}{second.read_text()}")
    assert read(chain) == read(first)


def test_certificate_cut_anywhere_is_a_value_error(tmp_path):
    whole = certify(tmp_path / "node.pem", days=1).read_text().splitlines()
    head, body, foot = whole[0], "".join(whole[1:-1]), whole[-1]
    cut = tmp_path / "cut.pem"
    for end in range(0, len(body) // 2, 4):  # the subject is in the first half
        cut.write_text("\n".join((head, body[:end], foot)))
        with pytest.raises(ValueError):
            read(cut)
        assert name_in(cut) == ""
    assert name_in(tmp_path / "nowhere.pem") == ""


class Clock:
    """Both clocks, that of the wall and the monotonic one, moved by hand."""

    def __init__(self, monkeypatch):
        self.ahead = timedelta()
        real, steady = time.time, time.monotonic
        monkeypatch.setattr(certificate.time, "time", lambda: real() + self.ahead.total_seconds())
        monkeypatch.setattr(certificate.time, "monotonic", lambda: steady() + self.ahead.total_seconds())


def test_watch_warns_once_a_day_from_thirty_days_before_the_end(tmp_path, monkeypatch, caplog):
    file = certify(tmp_path / "node.pem", days=40)
    clock, watch = Clock(monkeypatch), Watch(file)
    told = {}
    for hour in range(0, 24 * 42, 6):
        clock.ahead = timedelta(hours=hour, minutes=1)
        watch.look(connected=True)
        watch.look(connected=True)
        told[hour / 24] = len(caplog.records)
    assert told[9.75] == 0
    assert told[11] in (1, 2)
    assert told[39.75] in (29, 30)
    first, last = caplog.records[0].getMessage(), caplog.records[-1].getMessage()
    assert str(file) in first
    assert first.split("days left: ")[1].startswith(("30;", "29;"))
    assert ends(file).strftime("%Y-%m-%d") in first
    assert "put a new one there" in first
    assert "has expired on" in last


def test_watch_sees_a_renewed_file_and_leaves_an_expired_one_to_the_refusal(tmp_path, monkeypatch, caplog):
    file = certify(tmp_path / "node.pem", days=1)
    clock, watch = Clock(monkeypatch), Watch(file)
    clock.ahead = timedelta(days=2)
    watch.look(connected=False)
    assert not caplog.records
    certify(file, days=5)
    clock.ahead += timedelta(seconds=DAY_SECONDS)
    watch.look(connected=False)
    assert "days left: 2;" in caplog.records[-1].getMessage()
    file.unlink()
    clock.ahead += timedelta(seconds=DAY_SECONDS)
    watch.look(connected=True)
    assert len(caplog.records) == 1
