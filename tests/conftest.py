"""What tests share: where the clips are, and the skips that say why."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def _shared(variable: str, name: str) -> Path:
    folder = Path(os.environ.get(variable) or ROOT.parent / "shared" / name)
    if not folder.is_dir():
        pytest.skip(f"{name} are not here: set {variable} to their folder")
    return folder


@pytest.fixture(scope="session")
def media() -> Path:
    """The folder of clips with ground truth, which is no part of the project."""
    return _shared("EDGE_TEST_MEDIA", "media")


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """The folder of detector weights that the project does not ship."""
    return _shared("EDGE_TEST_MODELS", "models")
