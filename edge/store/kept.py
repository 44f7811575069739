"""What is kept of a camera for as long as it stands there, such as the view of its installation: large beside what is
counted and seldom new, so that each piece is a file of its own on the disk, written once, and no part of the log."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

FOLDER = "kept"


def restore_kept(db: sqlite3.Connection, disk: Path) -> None:
    """Fills an empty store with the pieces that the disk has. Within a transaction of the caller; a piece that cannot
    be read is left out, as whoever needs it makes it anew."""
    for file in sorted((disk / FOLDER).glob("[!.]*")):
        with contextlib.suppress(OSError):
            row = (file.stem, file.suffix.removeprefix("."), file.read_bytes())
            db.execute("INSERT OR IGNORE INTO kept VALUES (?, ?, 1, ?)", row)


def unsaved(db: sqlite3.Connection) -> list[tuple[str, str, bytes]]:
    """Camera, name and content of the pieces that the disk does not have."""
    return db.execute("SELECT camera, name, body FROM kept WHERE saved = 0").fetchall()


def note_saved(db: sqlite3.Connection, piece: tuple[str, str, bytes]) -> None:
    """Notes that the disk has a piece, unless it is another one by now."""
    db.execute("UPDATE kept SET saved = 1 WHERE camera = ? AND name = ? AND body = ?", piece)


def save(disk: Path, piece: tuple[str, str, bytes]) -> None:
    """Puts a piece on the disk before it returns, whole or not at all. OSError where the disk refuses."""
    camera, name, body = piece
    folder = disk / FOLDER
    folder.mkdir(exist_ok=True)
    unfinished = folder / f".{camera}.{name}"
    with unfinished.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(folder / f"{camera}.{name}")
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
