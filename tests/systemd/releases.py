"""Releases for a device to be upgraded to: this checkout under another version, whole or spoilt."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from container import ROOT

SOURCE = ("edge", "systemd", "models", "docs", "configs", "requirements", "scripts", "pyproject.toml", "README.md")
CRASHES = "edge/worker.py", "raise SystemExit('this release is bad')\n"
HANGS = "edge/publish.py", "import time\ntime.sleep(100000)\n"
"""A module, and all that it says instead."""


def release(folder: Path, version: str, *spoilt: tuple[str, str], layouts: int = 0) -> None:
    """Makes a checkout of another version there, with modules that say something else, and with a journal that is laid
    out differently than that of this version and of those with another number of `layouts`."""
    for name in SOURCE:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    _change(folder / "edge/__init__.py", r'(__version__ = )".*"', rf'\1"{version}"')
    if layouts:
        database = folder / "edge/store/database.py"
        _change(database, r"(?m)^(SCHEMA_VERSION = \d+)$", rf"\1 + {layouts}")
    for name, text in spoilt:
        (folder / name).write_text(text)


def _change(file: Path, what: str, into: str) -> None:
    text, times = re.subn(what, into, file.read_text())
    assert times == 1, (file, what)
    file.write_text(text)
