"""`edge export`: what a centre has stored, as tables for other programs, in CSV or Parquet.

Columns are the contract's fields; where it has none there is nothing, for absent is not zero.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.centre.records import Records
from edge.errors import EdgeError
from edge.events import utc

if TYPE_CHECKING:
    from arro3.core import DataType, RecordBatch, Schema

Row = tuple[Any, ...]
TEXT, WHOLE, REAL, MOMENT = "text", "whole", "real", "moment"
KEY = {"node": TEXT, "camera": TEXT, "rule": TEXT, "start": MOMENT, "seconds": REAL}
REST = {"coverage": REAL, "flags": TEXT}
WHAT = {"intervals": ("flow", "zone"), "crossings": ("crossings",), "gaps": ("gaps",)}
"""What can be asked for, and the tables that come of it."""
COLUMNS = {
    "flow": {**KEY, "class": TEXT, "direction": WHOLE, "count": WHOLE, **REST},
    "zone": {**KEY, "class": TEXT, "mean": REAL, "max": WHOLE, "last": WHOLE, "density_m2": REAL, **REST},
    "crossings": {"node": TEXT, "camera": TEXT, "rule": TEXT, "at": MOMENT, "class": TEXT, "direction": WHOLE,
                  "epoch": TEXT, "seq": WHOLE},
    "gaps": {"node": TEXT, "epoch": TEXT, "first": WHOLE, "last": WHOLE, "numbers": WHOLE, "fate": TEXT, "reason": TEXT,
             "told": MOMENT},
}  # fmt: skip
"""The columns of each table and what they hold. `flags` are separated by spaces."""
MISSING = "missing"
BATCH_ROWS = 50_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def export(where: str, out: Path, *, what: str = "intervals", since: str = "", form: str = "csv") -> dict[Path, int]:
    """Writes OUT/TABLE.FORM for each table of WHAT[what] and returns their rows; a file is whole or not there.

    `since` is a day or a moment in RFC 3339, UTC where it says no other: of the start of an interval, of a crossing, of
    the news of a gap. EdgeError where something cannot be read or written.
    """
    begin = _moment(since) if since else ""
    write = {"csv": _write_csv, "parquet": _write_parquet}[form]
    records = Records(where)
    written = {}
    try:
        out.mkdir(parents=True, exist_ok=True)
        for kind in WHAT[what]:
            file, part = out / f"{kind}.{form}", out / f".{kind}.{form}.part"
            written[file] = write(part, kind, rows(kind, records, since=begin))
            part.replace(file)
    except OSError as error:
        do = "name a folder of yours with enough room"
        raise EdgeError(str(out), f"cannot be written, {error.strerror}", do=do) from None
    finally:
        records.close()
    return written


def rows(kind: str, records: Records, *, since: str = "") -> Iterator[Row]:
    """The rows of a table, of what is from `since` (RFC 3339) on."""
    if kind == "crossings":
        return _crossings(records, since)
    return _gaps(records, since) if kind == "gaps" else _intervals(kind, records, since)


def _intervals(kind: str, records: Records, since: str) -> Iterator[Row]:
    """One row an interval, class and direction of a line, one an interval and class of a zone. An interval in which
    nothing was looked at is one row without a class."""
    cells: Callable[[dict[str, Any]], list[Row]] = {"flow": _flow, "zone": _zone}[kind]
    width = len(COLUMNS[kind]) - len(KEY) - len(REST)
    for message in chain.from_iterable(records.pages(kind, since=since)):
        body = message.body
        key = (message.node, message.camera, message.rule, message.start, message.seconds)
        rest = (body["coverage"], " ".join(body.get("flags", ())))
        for each in cells(body) or [(None,) * width]:
            yield (*key, *each, *rest)


def _crossings(records: Records, since: str) -> Iterator[Row]:
    for each in chain.from_iterable(records.crossing_pages(since=since)):
        yield (each.node, each.camera, each.line, each.at, each.kind, each.direction, each.stamp.epoch, each.stamp.seq)


def _gaps(records: Records, since: str) -> Iterator[Row]:
    """Ranges of numbers under which nothing is stored: those told as lost or never used, those rejected, and those
    that are still asked for, which no moment was told for."""
    told = [
        (each.series.node, each.series.epoch, each.first, each.last, each.size, each.fate.value, each.reason, moment)
        for each in records.lost()
        if (moment := utc(each.told, millis=True)) >= since
    ]
    missing = [
        (series.node, series.epoch, first, last, last - first + 1, MISSING, None, None)
        for series, ranges in records.holes().items()
        for first, last in ranges
    ]
    yield from sorted([*told, *missing], key=itemgetter(0, 1, 2))


def _flow(body: dict[str, Any]) -> list[Row]:
    counts = body.get("count", {}).items()
    return [(name, direction, int(number)) for name, pair in counts for direction, number in enumerate(pair)]


def _zone(body: dict[str, Any]) -> list[Row]:
    people = {"pedestrian": body["people"]} if "people" in body else {}
    return [
        (name, level["mean"], int(level["max"]), int(level["last"]), body.get("density_m2") if name in people else None)
        for name, level in (people | body.get("vehicles", {})).items()
    ]


def _write_csv(file: Path, kind: str, table: Iterable[Row]) -> int:
    number = 0
    with file.open("w", encoding="utf-8", newline="") as out:
        lines = csv.writer(out)
        lines.writerow(COLUMNS[kind])
        for number, row in enumerate(table, 1):  # noqa: B007 - counts them
            lines.writerow(row)
    return number


def _write_parquet(file: Path, kind: str, table: Iterable[Row]) -> int:
    """In the order and with the names of the CSV; moments are UTC timestamps in milliseconds."""
    try:
        from arro3.core import RecordBatchReader
        from arro3.io import write_parquet
    except ImportError:
        do = "run: pip install 'edge[centre]', or use --format csv"
        raise EdgeError("edge export", "Parquet needs arro3, which is not installed", do=do) from None
    number = 0

    def batches() -> Iterator[RecordBatch]:
        nonlocal number
        for part in _parts(table):
            number += len(part)
            yield _batch(kind, part)

    with file.open("wb") as out:
        write_parquet(RecordBatchReader.from_batches(_schema(kind), batches()), out, compression="zstd(3)")
    return number


def _parts(table: Iterable[Row]) -> Iterator[list[Row]]:
    part: list[Row] = []
    for row in table:
        part.append(row)
        if len(part) == BATCH_ROWS:
            yield part
            part = []
    if part:
        yield part


def _batch(kind: str, part: Sequence[Row]) -> RecordBatch:
    from arro3.core import Array, DataType, RecordBatch

    columns = []
    for holds, values in zip(COLUMNS[kind].values(), zip(*part, strict=True), strict=True):
        if holds == MOMENT:
            whole = [each and (datetime.fromisoformat(each) - EPOCH) // timedelta(milliseconds=1) for each in values]
            columns.append(Array(whole, DataType.int64()).cast(_type(holds)))
        else:
            columns.append(Array(list(values), _type(holds)))
    return RecordBatch.from_arrays(columns, schema=_schema(kind))


def _schema(kind: str) -> Schema:
    from arro3.core import Field, Schema

    return Schema([Field(name, _type(holds)) for name, holds in COLUMNS[kind].items()])


def _type(holds: str) -> DataType:
    from arro3.core import DataType

    types = {TEXT: DataType.string, WHOLE: DataType.int64, REAL: DataType.float64}
    return types[holds]() if holds in types else DataType.timestamp("ms", tz="UTC")


def _moment(text: str) -> str:
    """In RFC 3339 with thousandths, which as a text is not after the same moment without them."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        expected = "a day or a moment such as 2026-11-22 or 2026-11-22T17:00:00+07:00"
        raise EdgeError("edge export --since", "no time", expected=expected, found=repr(text)) from None
    return utc((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), millis=True)
