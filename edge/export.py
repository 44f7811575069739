"""`edge export`: what a centre has stored, as tables for other programs, in CSV or Parquet."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from edge.centre.flat import COLUMNS, MOMENT, REAL, TEXT, WHOLE, Row, rows
from edge.centre.records import Records
from edge.errors import EdgeError
from edge.events import utc

if TYPE_CHECKING:
    from arro3.core import DataType, RecordBatch, Schema

WHAT = {
    "intervals": ("flow", "zone", "turn", "queue"), "hours": ("hours",), "crossings": ("crossings",),
    "alarms": ("alarms",), "gaps": ("gaps",),
}  # fmt: skip
"""What can be asked for, and the tables that come of it."""
BATCH_ROWS = 50_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def export(where: str, out: Path, *, what: str = "intervals", since: str = "", form: str = "csv") -> dict[Path, int]:
    """Writes OUT/TABLE.FORM for each table of WHAT[what] and returns their rows; a file is whole or not there.

    `since` is a day or a moment in RFC 3339, UTC where it says no other: of the start of an interval or hour, of a
    crossing, of a change of an alarm, of the news of a gap. EdgeError where something cannot be read or written.
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
        do = "in the checkout run: .venv/bin/pip install -e '.[centre]', or use --format csv"
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
