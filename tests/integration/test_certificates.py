"""scripts/certificates: what it makes, and what it says to a mistake."""

from __future__ import annotations

import stat

import pytest
from kit import certificates, made


def test_certificates_keys_are_for_their_owner_and_nothing_is_overwritten(tmp_path):
    pki = tmp_path / "pki"
    for words in (("ca", pki), ("node", pki, "a"), ("centre", pki, "ops", "2"), ("server", pki, "mqtt.hue.example")):
        made(*words)
        again = certificates(*words)
        assert again.returncode == 1
        assert "is there already and is not overwritten" in again.stderr
    keys = sorted(pki.rglob("*.key"))
    assert [str(each.relative_to(pki)) for each in keys] == [
        "ca.key", "centre/centre.ops.2.key", "node/a.key", "server/mqtt.hue.example.key"]  # fmt: skip
    assert {stat.S_IMODE(each.stat().st_mode) for each in keys} == {0o600}
    assert not list(tmp_path.glob("*.*"))


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (("node", "{}", "centre"), 1, "belongs to the centre"),
        (("node", "{}", "centre.ops"), 1, "is no id"),
        (("node", "{}", "Cầu"), 1, "is no id"),
        (("node", "{}", "a" * 33), 1, "is no id"),
        (("centre", "{}", "ops", "x"), 1, "no number of an instance"),
        (("server", "{}", "a,DNS:b"), 1, "no host name"),
        (("node", "{}", "a", "--days", "99999"), 1, "ends before 99999 days"),
        (("node", "{}/nowhere", "a"), 1, "first run: scripts/certificates ca"),
        (("node", "{}", "a", "--days", "-1"), 2, "--days"),
        (("node", "{}"), 2, "one id is needed"),
        (("server", "{}"), 2, "a name or address"),
        (("friend", "{}", "a"), 2, "nothing that can be made"),
        ((), 2, "usage"),
    ],
)
def test_certificates_mistake_is_told(tmp_path, words, code, text):
    pki = tmp_path / "pki"
    made("ca", pki)
    done = certificates(*(each.format(pki) for each in words))
    assert done.returncode == code, done.stderr
    assert text in done.stderr
    assert not list(pki.rglob("*/*.pem"))
