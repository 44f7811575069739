"""The flushed journal: records appended to files on the disk, each checked on reading, so that a cut at any byte costs
no more than what comes after it."""

from __future__ import annotations

import os
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SEGMENT_BYTES = 1 << 20
"""Every file has this size from the start, so that a record changes nothing but its own blocks; one that is full is
followed by the next, and removed as a whole when nobody needs it any more."""
_MARK = b"\x1eEdg"
_HEAD = struct.Struct("<4sII")
"""Mark, length of the content, its CRC-32."""
_PIECE = 4096
"""Written at a time: what is written at once the kernel keeps, and counts, as one piece from then on."""


@dataclass(frozen=True, slots=True)
class Record:
    """What one flush wrote, and the number of the file that holds it."""

    segment: int
    content: bytes


@dataclass(slots=True)
class Damage:
    """What could not be read: bytes that are no whole record, files that the disk does not give."""

    bytes: int = 0
    files: int = 0


class Log:
    """The numbered files `journal-*.log` of one folder. One process at a time may append: the caller sees to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._reached = (0, 0)

    def segments(self) -> list[int]:
        """The numbers of the files, oldest first."""
        names = (path.stem.removeprefix("journal-") for path in self.folder.glob("journal-*.log"))
        return sorted(int(name) for name in names if name.isdigit())

    def append(self, content: bytes, *, fresh: bool = False) -> int:
        """Puts a record on the disk before it returns, `fresh` into a new file; the number of the file.

        OSError where the disk refuses.
        """
        packed = zlib.compress(content, 6)
        record = _HEAD.pack(_MARK, len(packed), zlib.crc32(packed)) + packed
        number = max(self.segments(), default=0)
        end = self._end(number) if number else 0  # of one that cannot be read: beyond its room
        if fresh or number == 0 or end + len(record) > SEGMENT_BYTES:
            number, end = number + 1, 0
            self._make(number, max(SEGMENT_BYTES, len(record)))
        _write(self._path(number), record, at=end)
        self._reached = number, end + len(record)
        return number

    def _end(self, number: int) -> int:
        """Where the last whole record of a file ends; another process may have gone on since this one wrote."""
        start = self._reached[1] if self._reached[0] == number else 0
        try:
            with self._path(number).open("rb") as file:
                file.seek(start)
                return start + max((end for _, end in _whole(file.read())), default=0)
        except OSError:
            return SEGMENT_BYTES

    def _make(self, number: int, size: int) -> None:
        """Makes a file that has its room on the disk already."""
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            _write(self._path(number), bytes(size), at=0)
            _sync_folder(self.folder)
        except OSError:
            self.remove(number)
            raise

    def records(self, damage: Damage) -> Iterator[Record]:
        """Every whole record, oldest first; what lies between them is added to `damage`."""
        for number in self.segments():
            try:
                data = self._path(number).read_bytes()
            except OSError:
                damage.files += 1
                continue
            read = last = 0
            for content, end in _whole(data):
                read += _HEAD.size + len(content)
                yield Record(number, zlib.decompress(content))
                last = end
            damage.bytes += len(data[:last]) - read + len(data[last:].rstrip(b"\0"))

    def remove(self, segment: int) -> None:
        """Removes a file that is not needed any more."""
        self._path(segment).unlink(missing_ok=True)

    def set_aside(self) -> str:
        """Renames every file, for a person to look at; the ending that they have now."""
        ending = f"damaged-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}"
        for number in self.segments():
            self._path(number).rename(self._path(number).with_suffix(f".{ending}"))
        return ending

    def _path(self, number: int) -> Path:
        return self.folder / f"journal-{number:08d}.log"


def _write(path: Path, data: bytes, *, at: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o640)
    try:
        for begin in range(0, len(data), _PIECE):
            rest = memoryview(data)[begin : begin + _PIECE]
            while rest:
                written = os.pwrite(descriptor, rest, at)
                rest, at = rest[written:], at + written
        os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _whole(data: bytes) -> Iterator[tuple[bytes, int]]:
    """The packed contents of the whole records in `data`, each with where it ends. After one that is cut or changed it
    goes on at the next mark."""
    at = 0
    while (found := data.find(_MARK, at)) >= 0:
        at = found + len(_MARK)
        begin = found + _HEAD.size
        if begin > len(data):
            return
        _, length, checksum = _HEAD.unpack_from(data, found)
        packed = data[begin : begin + length]
        if 0 < length == len(packed) and zlib.crc32(packed) == checksum:  # a mark before zeros is no record
            at = begin + length
            yield packed, at
