"""A few hundred hostile inputs to every target; all of them: scripts/bench/fuzz."""

from __future__ import annotations

import pytest
from fuzz_ import campaign
from fuzz_child import TARGETS, Feeder, Input, chance_of, made
from fuzz_mutate import least

INPUTS = {"rtsp": 40, "sdp": 40, "config": 60, "commands": 20, "packets": 30, "centre": 60, "cards": 40}


@pytest.mark.parametrize("name", TARGETS)
def test_hostile_inputs_find_nothing(name, tmp_path):
    tally = campaign(name, INPUTS[name], seed=7, keep=tmp_path)
    assert not tally.found, {what: found[0].text for what, found in tally.found.items()}
    assert tally.fed == INPUTS[name]


@pytest.mark.parametrize("name", ["config", "centre", "packets", "sdp"])
def test_inputs_follow_from_seed_and_number(name):
    targets = made(name), made(name)
    try:
        first, second = ([each.make(chance_of(name, 3, index)) for index in range(40)] for each in targets)
        assert first == second
        assert len(set(first)) > 30
    finally:
        for each in targets:
            each.close()


def test_findings_of_every_kind_are_told_and_made_small(monkeypatch):
    class Bad:
        def make(self, _):
            return (b"",)

        def feed(self, parts: Input) -> None:
            if b"boom" in parts[0]:
                raise KeyError(parts[0].index(b"boom"))
            if b"slow" in parts[0]:
                sum(range(30_000_000))

        def close(self):
            pass

    monkeypatch.setattr("fuzz_child.made", lambda _: Bad())
    monkeypatch.setattr("fuzz_child.CPU_SECONDS", 0.2)
    feeder = Feeder("bad")
    assert feeder.feed((b"fine",)) is None
    assert feeder.feed((b"a slow one",))[0] == "slow"
    assert feeder.feed((b"xxboom",))[0].startswith("KeyError at test_fuzz.py")
    assert least((b"aaaaaaaaboombbbbb", b"rest"), lambda parts: feeder.feed(parts) is not None, tries=200) == (
        b"boom",
        b"",
    )
