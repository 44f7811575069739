"""The cuttable link itself: each kind of cut is what it says, or the proofs that use it prove nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from link import Link

SOON, LONG = 0.3, 20.0


@pytest.fixture
def server() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(LONG)
        yield listening


@pytest.fixture
def link(server) -> Iterator[Link]:
    link = Link(server.getsockname()[1])
    yield link
    link.close()


@pytest.fixture
def ends(server, link) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client's socket and the server's, connected by the link."""
    with join(link) as client, server.accept()[0] as far:
        far.settimeout(LONG)
        exchange(client, far)
        yield client, far


def join(link) -> socket.socket:
    return socket.create_connection(("127.0.0.1", link.port), timeout=LONG)


def exchange(client, far) -> None:
    for source, sink in ((client, far), (far, client)):
        source.sendall(b"hello")
        assert sink.recv(5) == b"hello"


def silent(end) -> bool:
    """Whether nothing comes, no end either."""
    end.settimeout(SOON)
    try:
        end.recv(1)
    except TimeoutError:
        return True
    finally:
        end.settimeout(LONG)
    return False


def broken(end) -> bool:
    try:
        end.recv(1)
    except ConnectionResetError:
        return True
    return False


def test_link_dropped_is_late_in_both_ways(link, ends):
    client, far = ends
    link.drop()
    client.sendall(b"up")
    far.sendall(b"down")
    assert silent(client)
    assert silent(far)
    link.pass_on()
    assert (far.recv(2), client.recv(4)) == (b"up", b"down")
    exchange(client, far)


@pytest.mark.parametrize("dead", ["up", "down"])
def test_link_one_way_lets_the_other_pass(link, ends, dead):
    source, sink = ends if dead == "up" else ends[::-1]
    link.one_way(dead)
    source.sendall(b"lost")
    sink.sendall(b"through")
    assert source.recv(7) == b"through"
    assert silent(sink)
    link.pass_on()
    assert sink.recv(4) == b"lost"


def test_link_forgotten_breaks_what_was_held_up(link, ends):
    link.drop()
    ends[0].sendall(b"never")
    link.pass_on(forgotten=True)
    assert broken(ends[0])
    assert broken(ends[1])


@pytest.mark.parametrize("number", [0, 1])
def test_link_dropped_hides_an_end(link, ends, number):
    gone, left = ends[number], ends[1 - number]
    link.drop()
    gone.close()
    assert silent(left)
    link.pass_on()
    assert left.recv(1) == b""


def test_link_reset_breaks_both_and_lets_in_again(server, link, ends):
    link.reset()
    assert broken(ends[0])
    assert broken(ends[1])
    with join(link) as client, server.accept()[0] as far:
        exchange(client, far)


def test_link_refused_lets_nobody_in_until_admitted_as_often(server, link, ends):
    link.refuse()
    link.refuse()
    assert broken(ends[0])
    for _ in range(2):
        with pytest.raises(ConnectionRefusedError):
            join(link)
        link.admit()
    with join(link) as client, server.accept()[0] as far:
        exchange(client, far)


def test_link_begun_in_a_hole_comes_to_nothing(server, link):
    link.drop()
    with join(link) as client:
        client.sendall(b"hello")
        assert silent(client)
        link.pass_on()
        assert broken(client)
    server.settimeout(SOON)
    with pytest.raises(TimeoutError):
        server.accept()


def test_link_to_nobody_hangs_up(server, link):
    server.close()
    try:
        with join(link) as client:
            assert broken(client)
    except ConnectionResetError:
        pass  # it hung up before this end was through


def test_link_carries_much_both_ways(ends):
    client, far = ends
    much = bytes(range(256)) * 20_000
    sending = [threading.Thread(target=end.sendall, args=(much,)) for end in ends]
    for each in sending:
        each.start()
    for end in (far, client):
        came = b""
        while len(came) < len(much):
            came += end.recv(1 << 20)
        assert came == much
    for each in sending:
        each.join(LONG)
