"""What is exported says what was stored, in both forms and from both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from arro3.io import read_parquet
from export_ import DARK, FLOW, QUEUE, TRAFFIC, TURN, ZONE, changed, crossing, gap, message, read_csv

from edge.centre import records
from edge.centre.store import Store
from edge.cli import main
from edge.errors import EdgeError
from edge.export import COLUMNS, WHAT, export

"""What is exported says what was stored, in both forms and from both databases."""


@pytest.fixture
def where(place: Callable[[], str]) -> str:
    where = place()
    store = Store(where)
    store.write(
        [
            message("flow", 1, "2026-11-21T23:55:00Z", FLOW),
            message("flow", 2, "2026-11-22T00:00:00Z", DARK),
            message("zone", 3, "2026-11-22T00:00:00Z", ZONE),
            message("turn", 4, "2026-11-22T00:00:00Z", TURN),
            message("queue", 5, "2026-11-22T00:00:00Z", QUEUE),
        ]
    )
    store.close()
    return where


@pytest.fixture
def troubled(place: Callable[[], str]) -> str:
    """A store with single crossings, and with numbers under which nothing is stored."""
    where = place()
    store = Store(where)
    store.write([crossing(seq, f"2026-11-22T00:00:{seq:02}.500Z") for seq in (1, 2, 3)])
    store.write([gap(4, 6, "outbox full"), gap(7, 1_000_006, "never used: the power failed")])
    store.write([crossing(1_000_010, "2026-11-22T00:00:00.250Z")])
    store.write(
        [changed(1_000_012, "2026-11-22T00:00:20Z"), changed(1_000_011, "2026-11-22T00:01:00Z", state="unknown")]
    )
    store.close()
    return where


def test_export_csv_has_a_row_for_each_interval_class_and_direction(where: str, tmp_path: Path):
    assert list(export(where, tmp_path / "out").values()) == [5, 2, 3, 1]
    early = ["n1", "gate", "l1", "2026-11-21T23:55:00Z", "300.0"]
    late = ["n1", "gate", "l1", "2026-11-22T00:00:00Z", "300.0"]
    assert read_csv(tmp_path / "out" / "flow.csv") == [
        list(COLUMNS["flow"]),
        [*early, "car", "0", "61", *[""] * 5, "0.98", ""],
        [*early, "car", "1", "57", *[""] * 5, "0.98", ""],
        [*early, "bus", "0", "0", *[""] * 5, "0.98", ""],
        [*early, "bus", "1", "3", *[""] * 5, "0.98", ""],
        [*late, *[""] * 8, "0", "nostream clock"],  # absent is not zero
    ]
    assert read_csv(tmp_path / "out" / "zone.csv")[1:] == [
        [
            "n1",
            "gate",
            "z1",
            "2026-11-22T00:00:00Z",
            "60.0",
            "pedestrian",
            "131.4",
            "149",
            "137",
            "1.83",
            "12",
            "9",
            "41",
            "110",
            "2",
            "1",
            "",
        ],
        ["n1", "gate", "z1", "2026-11-22T00:00:00Z", "60.0", "car", "0.5", "2", "1", *[""] * 6, "1", ""],
    ]
    turn = ["n1", "gate", "t1", "2026-11-22T00:00:00Z", "300.0"]
    assert read_csv(tmp_path / "out" / "turn.csv")[1:] == [
        [*turn, "l1", "l2", "car", "88", "0.07", "1", ""],
        [*turn, "l1", "l2", "bus", "2", "0.07", "1", ""],
        [*turn, "l3", "l1", "car", "5", "0.07", "1", ""],
    ]
    assert read_csv(tmp_path / "out" / "queue.csv")[1:] == [
        ["n1", "gate", "q1", "2026-11-22T00:00:00Z", "60.0", "17.7", "42", "", "", "21", "1", ""]
    ]


def test_export_crossings_are_single_ones_in_order_of_time(troubled: str, tmp_path: Path):
    assert export(troubled, tmp_path, what="crossings") == {tmp_path / "crossings.csv": 4}
    assert read_csv(tmp_path / "crossings.csv") == [
        list(COLUMNS["crossings"]),
        ["n1", "gate", "l1", "2026-11-22T00:00:00.250Z", "car", "0", "0a0a0a0a", "1000010"],
        *(
            ["n1", "gate", "l1", f"2026-11-22T00:00:0{n}.500Z", "car", str(n % 2), "0a0a0a0a", str(n)]
            for n in (1, 2, 3)
        ),
    ]
    assert list(export(troubled, tmp_path, what="crossings", since="2026-11-22").values()) == [4]
    assert list(export(troubled, tmp_path, what="crossings", since="2026-11-22T00:00:02Z").values()) == [2]


def test_export_alarms_are_their_changes_in_order_of_time(troubled: str, tmp_path: Path):
    assert export(troubled, tmp_path, what="alarms") == {tmp_path / "alarms.csv": 2}
    about = ["0a0a0a0a-4", "crowd_density"]
    rest = ["3.0", "2.5", "2026-11-21T23:59:00Z", "0a0a0a0a"]
    assert read_csv(tmp_path / "alarms.csv") == [
        list(COLUMNS["alarms"]),
        ["n1", "gate", "z1", "2026-11-22T00:00:20Z", *about, "raised", "2", "3.12", *rest, "1000012"],
        ["n1", "gate", "z1", "2026-11-22T00:01:00Z", *about, "unknown", "2", "", *rest, "1000011"],
    ]  # fmt: skip
    assert list(export(troubled, tmp_path, what="alarms", since="2026-11-22T00:00:30Z").values()) == [1]


def test_export_flow_tells_what_holds_for_a_direction_once(place: Callable[[], str], tmp_path: Path):
    """So that sums over the rows are right; a speed or a headway of 0 is none that was measured."""
    store = Store(where := place())
    told = {"count": {"car": [6, 5], "pedestrian": [3, 0]}, "speed_kmh": [27.8, 0], "headway_s": [0, 0.7]}
    store.write([message("flow", 1, "2026-11-22T00:00:00Z", FLOW | TRAFFIC | told)])
    store.close()
    export(where, tmp_path)
    assert [line[5:14] for line in read_csv(tmp_path / "flow.csv")[1:]] == [
        ["car", "0", "6", *[""] * 5, "0.98"],
        ["car", "1", "5", *[""] * 5, "0.98"],
        ["pedestrian", "0", "3", "", "", "", "", "1.5", "0.98"],
        ["pedestrian", "1", "0", "", "", "", "", "0.0", "0.98"],
        ["", "0", "", "20.5", "27.8", "", "0.183", "", "0.98"],
        ["", "1", "", "0", "", "0.7", "0.183", "", "0.98"],
    ]


def test_export_flow_has_no_row_for_a_direction_of_which_nothing_is_told(place: Callable[[], str], tmp_path: Path):
    store = Store(where := place())
    store.write([message("flow", 1, "2026-11-22T00:00:00Z", FLOW | {"count": {}, "speed_kmh": [0, 25.1]})])
    store.close()
    export(where, tmp_path)
    assert [line[5:13] for line in read_csv(tmp_path / "flow.csv")[1:]] == [["", "1", "", "", "25.1", "", "", ""]]


def test_export_gaps_tell_why_there_is_nothing_under_a_number(troubled: str, tmp_path: Path):
    export(troubled, tmp_path, what="gaps")
    head, *lines = read_csv(tmp_path / "gaps.csv")
    assert head == list(COLUMNS["gaps"])
    assert [line[:7] for line in lines] == [
        ["n1", "0a0a0a0a", "4", "6", "3", "lost", "outbox full"],
        ["n1", "0a0a0a0a", "7", "1000006", "1000000", "never used", "never used: the power failed"],
        ["n1", "0a0a0a0a", "1000007", "1000009", "3", "missing", ""],
    ]
    assert [bool(line[7]) for line in lines] == [True, True, False]  # when it was told
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert list(export(troubled, tmp_path, what="gaps", since=tomorrow).values()) == [1]  # what is still missing


def test_export_many_pages_of_crossings_leave_nothing_out(
    place: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(records, "PAGE", 7)
    store = Store(where := place())
    store.write([crossing(n, f"2026-11-22T00:{n % 3:02}:00.000Z") for n in range(1, 101)])  # many at one moment
    store.close()
    export(where, tmp_path, what="crossings")
    assert {int(line[7]) for line in read_csv(tmp_path / "crossings.csv")[1:]} == set(range(1, 101))


@pytest.mark.parametrize("what", WHAT)
def test_export_parquet_says_the_same_as_csv(what: str, where: str, troubled: str, tmp_path: Path):
    store = where if what in ("intervals", "hours") else troubled
    export(store, tmp_path, what=what)
    export(store, tmp_path, what=what, form="parquet")
    for kind in WHAT[what]:
        columns = COLUMNS[kind]
        table = read_parquet(tmp_path / f"{kind}.parquet").read_all()
        assert table.num_rows > 0
        assert table.column_names == list(columns)
        for name, holds in columns.items():
            lines = read_csv(tmp_path / f"{kind}.csv")
            told = [line[list(columns).index(name)] for line in lines[1:]]
            found = table[name].to_pylist()
            if holds == "moment":
                assert [datetime.fromisoformat(each) if each else None for each in told] == found
            elif holds == "text":
                assert told == [each or "" for each in found]
            else:
                assert [float(each) if each else None for each in told] == found


def test_export_since_a_moment_leaves_out_what_began_before_it(where: str, tmp_path: Path):
    assert list(export(where, tmp_path, since="2026-11-22").values()) == [1, 2, 3, 1]
    assert list(export(where, tmp_path, since="2026-11-22T06:56:00+07:00").values()) == [1, 2, 3, 1]
    assert list(export(where, tmp_path, since="2026-11-22T06:55:00+07:00").values()) == [5, 2, 3, 1]
    with pytest.raises(EdgeError, match="no time"):
        export(where, tmp_path, since="yesterday")


def test_export_of_many_pages_and_batches_leaves_nothing_out(
    place: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(records, "PAGE", 7)
    monkeypatch.setattr("edge.export.BATCH_ROWS", 10)
    store = Store(where := place())
    starts = [f"2026-11-22T{n // 12:02}:{n % 12 * 5:02}:00Z" for n in range(100)]
    other = FLOW | {"rule": "l2"}
    store.write([message("flow", n + 1, start, FLOW) for n, start in enumerate(starts)])
    store.write([message("flow", n + 101, start, other) for n, start in enumerate(starts)])
    store.close()
    for form in ("csv", "parquet"):
        assert export(where, tmp_path, form=form)[tmp_path / f"flow.{form}"] == 800
    lines = [tuple(line[:7]) for line in read_csv(tmp_path / "flow.csv")[1:]]
    assert len(set(lines)) == 800
    assert [line[3] for line in lines] == sorted(line[3] for line in lines)
    assert read_parquet(tmp_path / "flow.parquet").read_all().num_rows == 800


def test_export_command_tells_its_files_and_a_wrong_store_in_one_line(
    where: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    assert main(["export", "--store", where, str(tmp_path)]) == 0
    files = {"flow": 5, "zone": 2, "turn": 3, "queue": 1}
    told = "".join(f"{tmp_path}/{name}.csv: {number} rows\n" for name, number in files.items())
    assert capsys.readouterr().out == told
    assert main(["export", "--store", where, "--what", "crossings", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/crossings.csv: 0 rows\n"
    assert main(["export", "--store", str(tmp_path / "none.db"), str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"{tmp_path}/none.db: no store of a centre")
    (tmp_path / "flow.csv").unlink()
    assert main(["export", "--store", where, str(tmp_path / "zone.csv")]) == 1
    assert capsys.readouterr().err.count("\n") == 1
