"""What most integration tests begin with: a broker, and a camera's journal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from broker import Broker, running

from edge.store.journal import Journal


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker that lets everybody in and logs everything."""
    with running(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Where journal and outbox are."""
    return tmp_path / "edge.db"


@pytest.fixture
def journal(database: Path) -> Iterator[Journal]:
    """The journal of the camera `cam`."""
    journal = Journal(database, camera="cam")
    yield journal
    journal.close()
