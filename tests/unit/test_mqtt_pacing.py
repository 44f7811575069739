"""When to send how much, when to send again, and how long to wait after which fault."""

from __future__ import annotations

import socket
import ssl

import pytest

from edge.dataflow import Stamp
from edge.mqtt import faults
from edge.mqtt.faults import BackOff, Cause, Fault, Fights
from edge.mqtt.pacing import Confirmation, Pace, Rest, Seldom


def stamp(seq: int) -> Stamp:
    return Stamp("1c9f03aa", seq)


def test_pace_allows_a_burst_and_then_its_rate():
    pace = Pace(rate=100, burst=64)
    gone = 0
    for tick in range(101):
        allowed = pace.allowed(tick / 10)
        assert allowed <= 64
        pace.spend(allowed)
        gone += allowed
    assert gone == pytest.approx(64 + 1000, abs=1)


def test_confirmation_that_stands_still_is_due_after_doubling_pauses():
    confirmation = Confirmation(first_pause=30)
    confirmation.sent(5, now=0)
    assert confirmation.standing(1000) is None, "no centre has ever confirmed"
    confirmation.confirmed(stamp(3), out=True, now=1000)
    due = [now for now in range(1000, 4000) if confirmation.standing(now)]
    assert due == [1030, 1090, 1210, 1450, 1930, 2530, 3130, 3730]


def test_confirmation_that_moves_is_never_due():
    confirmation = Confirmation(first_pause=30)
    for seq in range(1, 100):
        confirmation.sent(seq + 10, now=20 * seq)
        confirmation.confirmed(stamp(seq), out=True, now=20 * seq)
        assert confirmation.standing(20 * seq + 19) is None


def test_confirmation_of_everything_is_not_due_before_something_is_out_for_long():
    confirmation = Confirmation(first_pause=30)
    confirmation.confirmed(stamp(5), out=False, now=0)
    assert confirmation.standing(1000) is None
    confirmation.sent(5, now=1000)
    assert confirmation.standing(2000) is None, "5 is stored already"
    confirmation.sent(6, now=2000)
    confirmation.confirmed(stamp(4), out=True, now=2010)
    assert confirmation.standing(2029) is None
    assert confirmation.standing(2030) == stamp(5)
    confirmation.idle()
    assert confirmation.standing(9000) is None


def test_confirmation_waits_anew_while_the_centre_had_no_chance():
    confirmation = Confirmation(first_pause=30)
    confirmation.confirmed(stamp(1), out=True, now=0)
    confirmation.delay(29)
    assert confirmation.standing(58) is None
    assert confirmation.standing(59) == stamp(1)


def test_rest_holds_a_kind_for_a_while_and_everything_ever_longer():
    rest = Rest(seconds=60, first_pause=10, longest_pause=300)
    rest.hold("flow", 0)
    rest.hold("flow", 30)
    assert rest.held(59) == ["flow"]
    assert rest.held(60) == []
    pauses, now = [], 0.0
    for _ in range(7):
        pauses.append(rest.hold_all(now))
        assert rest.hold_all(now + 1) == 0
        now += pauses[-1]
        assert rest.all_held(now - 0.1)
        assert not rest.all_held(now)
    assert pauses == [10, 20, 40, 80, 160, 300, 300]
    rest.taken()
    assert rest.hold_all(now) == 10


def fault(cause: Cause) -> Fault:
    return Fault(cause, "what", "do")


def pauses(cause: Cause, number: int) -> list[float]:
    back_off = BackOff()
    return [back_off.pause(fault(cause), stood=0) for _ in range(number)]


def test_back_off_waits_minutes_after_a_refused_password_and_seconds_after_a_dead_link():
    for found, wanted in zip(pauses(Cause.IDENTITY, 6), [60, 120, 240, 480, 900, 900], strict=True):
        assert wanted <= found <= 1.5 * wanted
    for found, wanted in zip(pauses(Cause.UNREACHABLE, 7), [1, 2, 4, 8, 16, 30, 30], strict=True):
        assert wanted <= found <= 1.5 * wanted
    assert pauses(Cause.UNREACHABLE, 5000)[-1] <= 45


def test_back_off_begins_anew_with_another_cause_and_after_a_steady_connection():
    back_off = BackOff()
    for _ in range(5):
        back_off.pause(fault(Cause.UNREACHABLE), stood=0)
    assert back_off.pause(fault(Cause.IDENTITY), stood=0) < 100
    for _ in range(5):
        back_off.pause(fault(Cause.DROPPED), stood=5)
    assert back_off.pause(fault(Cause.DROPPED), stood=5) >= 30
    assert back_off.pause(fault(Cause.DROPPED), stood=3600) <= 1.5


def test_back_off_spreads_devices():
    assert len({BackOff().pause(fault(Cause.DROPPED), stood=100) for _ in range(50)}) > 40


@pytest.mark.parametrize(
    ("cause", "most"), [(Cause.CERTIFICATE, 300), (Cause.REFUSED, 300), (Cause.IDENTITY, 110), (Cause.TAKEN_OVER, 110)]
)
def test_back_off_bounds_the_attempts_of_a_day(cause, most):
    back_off, seconds, attempts = BackOff(), 0.0, 0
    while seconds < 86_400:
        seconds += back_off.pause(fault(cause), stood=0)
        attempts += 1
    assert attempts <= most


def test_seldom_lets_one_through_and_counts_the_rest():
    seldom = Seldom(seconds=600)
    assert seldom.held_back(0) == 0
    assert [seldom.held_back(at) for at in (1, 2, 599)] == [None, None, None]
    assert seldom.held_back(600) == 3
    assert seldom.held_back(1200) == 0


def test_fights_hints_after_three_short_connections_and_waits_no_longer():
    fights, back_off = Fights("hue-node-1"), BackOff()
    found = [fights.judge(fault(Cause.DROPPED), stood=stood) for stood in (7200, 1, 3, 20, 0.01)]
    assert ["hue-node-1" in str(each) for each in found] == [False, False, False, True, True]
    assert all(each.cause is Cause.DROPPED for each in found)
    assert max(back_off.pause(each, stood=1) for each in found) < 30
    assert "or another device" in found[-1].do, "a bad link looks the same: nobody is accused"


def test_fights_forgets_after_a_steady_connection_and_after_a_dead_link():
    for cause, stood in ((Cause.DROPPED, 61), (Cause.UNREACHABLE, 0)):
        fights = Fights("a")
        for _ in range(5):
            fights.judge(fault(Cause.DROPPED), stood=1)
        assert fights.judge(fault(cause), stood=stood).what == "what"
        assert fights.judge(fault(Cause.DROPPED), stood=1).what == "what"


def test_fights_sees_a_fight_at_an_old_broker_that_hangs_up_on_mqtt_5_in_between():
    fights = Fights("hue-node-1")
    for _ in range(3):
        found = fights.judge(fault(Cause.DROPPED), stood=1)
        assert fights.judge(fault(Cause.SILENT), stood=0).what == "what"
    assert "hue-node-1" in str(found)


def test_back_off_of_two_rivals_grows_though_each_stands_while_the_other_waits():
    one, other, pauses = BackOff(), BackOff(), [0.0]
    for _ in range(6):
        for device in (one, other):
            pauses.append(device.pause(faults.taken_over("x"), stood=max(pauses[-1], 0.1)))
    assert pauses[-1] >= 900


@pytest.mark.parametrize(
    ("error", "cause", "text"),
    [
        (ConnectionRefusedError(111, "Connection refused"), Cause.UNREACHABLE, "nobody listens there"),
        (TimeoutError("timed out"), Cause.UNREACHABLE, "no answer within 10 s"),
        (socket.gaierror(-2, "Name or service not known"), Cause.UNREACHABLE, "broker.host"),
        (OSError(113, "No route to host"), Cause.UNREACHABLE, "No route to host"),
        (UnicodeError("label too long"), Cause.UNREACHABLE, "broker.host"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), Cause.CERTIFICATE, "speaks TLS"),
    ],
)
def test_fault_of_an_error_says_what_to_do(error, cause, text):
    found = faults.of_error(error, seconds=10, tls=True)
    assert found.cause is cause
    assert text in str(found)
    assert "\n" not in str(found)


def test_fault_of_a_reset_speaks_of_tls_only_where_there_is_tls():
    reset = ConnectionResetError(104, "Connection reset by peer")
    assert "TLS" in str(faults.of_error(reset, seconds=10, tls=True))
    assert faults.of_error(reset, seconds=10, tls=False) is faults.SILENT, "the same, seen a moment sooner"


def alert(reason: str) -> ssl.SSLError:
    """What Python raises on a broker's alert, as OpenSSL names it."""
    error = ssl.SSLError(1, f"[SSL: {reason}] {reason.lower()}")
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "certificate expired; put a new one"),
        ("SSLV3_ALERT_CERTIFICATE_REVOKED", "called back"),
        ("SSLV3_ALERT_BAD_CERTIFICATE", "refuses this device's certificate: bad certificate"),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "TLS failed"),
        ("TLSV1_ALERT_UNKNOWN_CA", "does not know the authority"),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "wants a certificate"),
    ],
)
def test_fault_of_an_alert_says_what_the_broker_wants(reason, text):
    found = faults.of_error(alert(reason), seconds=10, tls=True)
    assert found.cause is Cause.CERTIFICATE
    assert text in str(found)


@pytest.mark.parametrize(
    ("code", "cause"),
    [(132, Cause.VERSION), (134, Cause.IDENTITY), (135, Cause.IDENTITY), (137, Cause.BUSY), (149, Cause.REFUSED)],
)
def test_fault_of_a_refusal_is_told_by_its_cause(code, cause):
    assert faults.of_connack(code, "some words").cause is cause


def test_fault_of_an_end_knows_a_takeover():
    assert faults.of_end(142, "Session taken over", client_id="x").cause is Cause.TAKEN_OVER
    assert faults.of_end(139, "Server shutting down", client_id="x").cause is Cause.BUSY
    assert faults.of_end(128, "Unspecified error", client_id="x").cause is Cause.DROPPED
