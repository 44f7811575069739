"""The log: what the journal is sent, and that no place in the code floods it."""

from __future__ import annotations

import logging
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from edge.logs import Journal, Sparing

LOG = logging.getLogger("edge.test")


def fields(datagram: bytes) -> dict[str, str]:
    """What a datagram of the journal's protocol says, read as systemd reads it."""
    found = {}
    while datagram:
        head, _, datagram = datagram.partition(b"\n")
        name, equals, value = head.partition(b"=")
        if not equals:
            size = int.from_bytes(datagram[:8], "little")
            value, datagram = datagram[8 : 8 + size], datagram[9 + size :]
        found[name.decode()] = value.decode()
    return found


@pytest.fixture
def journald(tmp_path):
    """The receiving end of a journal."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "journal"))
        end.settimeout(30)
        yield end


@pytest.fixture
def logged():
    """Gives the logger a handler for the length of a test."""
    before = LOG.handlers, LOG.propagate
    LOG.propagate = False
    LOG.setLevel(logging.INFO)

    def use(handler):
        LOG.handlers = [handler]

    yield use
    for handler in LOG.handlers:
        handler.close()
    LOG.handlers, LOG.propagate = before


class Heard(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


def test_journal_is_sent_the_fields(journald, logged):
    logged(Journal({"camera": "le-loi-01"}, address=journald.getsockname()))
    LOG.warning("no pictures từ %s", "camera", extra={"cause": "auth", "state": "auth"})
    said = fields(journald.recv(65536))
    assert said["MESSAGE"] == "no pictures từ camera"
    assert (said["PRIORITY"], said["CAMERA"], said["CAUSE"], said["STATE"]) == ("4", "le-loi-01", "auth", "auth")
    assert said["CODE_FILE"] == __file__
    assert said["CODE_FUNC"] == "test_journal_is_sent_the_fields"
    assert int(said["CODE_LINE"]) > 0
    assert (said["LOGGER"], said["SYSLOG_IDENTIFIER"]) == ("edge.test", "edge")


def test_journal_is_sent_what_has_several_lines(journald, logged):
    logged(Journal({}, address=journald.getsockname()))
    LOG.error("one\ntwo=2\n\n")
    LOG.error("x" * 1_000_000)
    assert fields(journald.recv(65536))["MESSAGE"] == "one\ntwo=2\n\n"
    assert fields(journald.recv(65536))["MESSAGE"].startswith("xxxx")


def test_journal_that_is_not_there_leaves_lines_with_a_priority(tmp_path, logged, capsys):
    logged(Journal({}, address=str(tmp_path / "nobody")))
    LOG.error("the disk\nis full")
    assert capsys.readouterr().err == "<3>the disk is full\n"


def test_place_that_repeats_is_told_a_few_times_and_then_how_often(logged):
    heard = Heard()
    sparing = Sparing(heard, most=3, seconds=60)
    logged(sparing)
    for number in range(415):
        LOG.warning("lost %d", number)
    LOG.warning("another place")
    assert heard.lines == ["lost 0", "lost 1", "lost 2", "another place"]
    sparing.close()
    assert heard.lines[4:] == ["412 more like this within 60 s, the last one: lost 414"]


@pytest.mark.parametrize(("text", "given"), [("%d viewers", "two"), ("%(size)d", {"side": 2}), ("100 %", "x")])
def test_message_that_does_not_fit_its_values_is_told_as_it_is_written(journald, tmp_path, logged, text, given):
    sparing = Sparing(Journal({}, address=str(tmp_path / "journal")), most=1, seconds=60)
    logged(sparing)
    LOG.warning(text, given)
    LOG.warning(text, given)
    assert fields(journald.recv(65536))["MESSAGE"] == text
    sparing.close()
    assert fields(journald.recv(65536))["MESSAGE"] == text


def test_place_that_falls_silent_is_summed_up_all_the_same(logged):
    end, told = socket.socketpair()
    with end, told:

        class Out(Heard):
            def emit(self, record):
                super().emit(record)
                if "more like this" in record.getMessage():
                    told.send(b"!")

        heard = Out()
        logged(Sparing(heard, most=1, seconds=0.2))
        for _ in range(3):
            LOG.warning("flood")
        end.settimeout(30)
        assert end.recv(1) == b"!"
        assert heard.lines == ["flood", "2 more like this within 0.2 s, the last one: flood"]


def test_library_is_one_place_whatever_it_says(logged):
    heard = Heard()
    sparing = Sparing(heard, most=2, seconds=60)
    for number in range(10):
        name, line = "libav.h264", 10 + number
        record = logging.LogRecord(name, logging.ERROR, f"{number}.c", line, f"macroblock {number}", (), None)
        sparing.handle(record)
    sparing.close()
    assert heard.lines == ["macroblock 0", "macroblock 1", "8 more like this within 60 s, the last one: macroblock 9"]


@pytest.mark.parametrize("where", ["main", "thread"])
def test_crash_is_one_entry_in_the_log(where):
    crash = "def crash():\n    raise RuntimeError('broken')\n"
    start = "crash()" if where == "main" else "t = threading.Thread(target=crash); t.start(); t.join()"
    program = f"import threading\nfrom edge import logs\nlogs.begin()\n{crash}{start}\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == (1 if where == "main" else 0)
    assert re.match("CRITICAL edge: a fault of this program, please report it\nTraceback", done.stderr), done.stderr
    assert done.stderr.count("RuntimeError: broken") == 1


def test_process_whose_errors_go_to_the_journal_knows_it(tmp_path):
    """JOURNAL_STREAM is inherited by children whose standard error is another one."""
    program = "from edge.logs import journalled; print(journalled())"
    stream = tmp_path / "stream"
    with stream.open("w") as file:
        own = os.fstat(file.fileno())
        for value, truth in ((f"{own.st_dev}:{own.st_ino}", "True"), ("8:1", "False"), ("", "False")):
            environment = {**os.environ, "JOURNAL_STREAM": value, "PYTHONPATH": str(Path(__file__).parents[2])}
            done = subprocess.run(
                [sys.executable, "-c", program],
                stdout=subprocess.PIPE,
                stderr=file,
                env=environment,
                text=True,
                check=True,
            )
            assert done.stdout.strip() == truth


def test_video_library_says_nothing_by_itself():
    """What it says may hold the camera's address with the password."""
    import av.logging

    import edge.frames.rtsp  # noqa: F401 - whatever it sets up

    assert av.logging.get_level() is None
