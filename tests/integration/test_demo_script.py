"""`scripts/demo` in a person's own folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def script(tmp_path):
    """The script in a checkout whose set-up is done: what that would install and fetch is here already."""
    scripts, programs = tmp_path / "check out" / "scripts", tmp_path / "check out" / ".venv" / "bin"
    scripts.mkdir(parents=True)
    programs.mkdir(parents=True)
    shutil.copy(ROOT / "scripts" / "demo", scripts)
    (scripts / "setup").write_text("#!/bin/sh\n")
    (scripts / "setup").chmod(0o755)
    (programs / "edge").symlink_to(Path(sys.executable).parent / "edge")
    return scripts / "demo"


def test_files_of_the_demonstration_are_looked_for_where_the_person_is(script, street, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    shutil.copy(street, folder / "street.mp4")
    (folder / "street.yaml").write_text("lines: [{id: l1, pints: [[0.1, 0.5], [0.9, 0.5]]}]\n")
    line = [script, "--video", "street.mp4", "--camera", "street.yaml"]
    for asked in (line, ["../check out/scripts/demo", *line[1:]]):
        done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 1
        assert done.stderr.startswith("street.yaml:1:"), done.stderr  # the video was found and read before it
        assert "did you mean points?" in done.stderr
