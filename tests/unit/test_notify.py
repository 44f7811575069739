"""edge.notify against real sockets."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from edge import notify


@pytest.fixture
def listener(monkeypatch):
    with notify.Listener() as listener:
        monkeypatch.setenv("NOTIFY_SOCKET", listener.address)
        yield listener


def test_notify_without_a_socket_does_nothing(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert not notify.ready()


@pytest.mark.parametrize("address", ["@nobody-listens-here", "/nowhere/notify", "relative"])
def test_notify_to_an_absent_listener_says_so_and_raises_nothing(monkeypatch, address):
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    assert not notify.watchdog()


def test_notify_reaches_a_socket_in_the_file_system(monkeypatch, tmp_path: Path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as plain:
        plain.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        assert notify.notify("READY=1", "STATUS=đang chạy")
        assert plain.recv(4096) == "READY=1\nSTATUS=đang chạy".encode()


def test_every_message_arrives_with_the_sender(listener):
    assert notify.ready()
    assert notify.watchdog()
    assert notify.stopping()
    said = [listener.receive() for _ in range(4)]
    pid = os.getpid()
    assert said == [(pid, [("READY", "1")]), (pid, [("WATCHDOG", "1")]), (pid, [("STOPPING", "1")]), None]


def test_status_stays_one_line(listener):
    notify.status("two\nlines=no\n\tREADY=1 ")
    assert listener.receive() == (os.getpid(), [("STATUS", "two lines=no READY=1")])


def test_notify_to_a_listener_that_reads_no_more_gives_up(listener, monkeypatch):
    monkeypatch.setattr(notify, "PATIENCE_SECONDS", 0.05)
    assert notify.watchdog()
    while notify.watchdog():
        pass


@pytest.mark.parametrize(
    ("usec", "pid", "expected"),
    [
        ("20000000", None, 20.0),
        ("500000", "own", 0.5),
        ("500000", "1", None),
        ("0", None, None),
        ("soon", None, None),
        (None, None, None),
    ],
)
def test_watchdog_seconds(monkeypatch, usec, pid, expected):
    pid = str(os.getpid()) if pid == "own" else pid
    for name, value in (("WATCHDOG_USEC", usec), ("WATCHDOG_PID", pid)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert notify.watchdog_seconds() == expected
