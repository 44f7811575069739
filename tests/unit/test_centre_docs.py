"""docs/centre.md says what the code does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from edge.centre.clocks import AHEAD_SECONDS
from edge.centre.complaints import SAY_SECONDS
from edge.centre.database import open_to_write
from edge.centre.gaps import FIRST_SECONDS, MOST_SECONDS
from edge.centre.ledger import NEVER_USED, Fate
from edge.centre.listen import SESSION_SECONDS
from edge.centre.listener import BATCH_MESSAGES, BATCH_SECONDS
from edge.centre.store import REJECTED_KEPT
from edge.centre.voice import AGAIN_SECONDS, REFUSED_SECONDS
from edge.config.load import load_edge
from edge.export import COLUMNS, WHAT
from edge.mqtt.topics import of_all_nodes

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "centre.md").read_text()


def test_docs_centre_queries_run_and_every_table_is_named(place: Callable[[], str], tmp_path: Path):
    database = open_to_write(place())
    queries = re.findall(r"^SELECT .*;$", TEXT, re.MULTILINE)
    assert len(queries) == 5
    for query in queries:
        assert database.rows(query.rstrip(";")) == []
    (deletion,) = re.findall(r"`(DELETE FROM .*?)`", TEXT)
    database.rows(deletion)
    database.close()
    file = open_to_write(tmp_path / "names.db")
    tables = {name for (name,) in file.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}
    named = set(re.findall(r"`(\w+)`", TEXT[TEXT.index("## The file") :]))
    assert {table for table in tables if not table.startswith("sqlite_")} - named == {"epoch"}
    file.close()


def test_docs_centre_sample_is_a_configuration(tmp_path: Path):
    file = tmp_path / "edge.yaml"
    file.write_text(TEXT.split("```yaml\n")[1].split("```")[0])
    assert load_edge(file).broker.credentials == "centre"


def test_docs_centre_rights_are_what_it_subscribes_to():
    reads = next(row for row in TEXT.splitlines() if row.startswith("| reads"))
    for topic in of_all_nodes("{root}"):
        kind = topic.removesuffix("/+").rpartition("/")[2]
        assert re.search(rf"\b{kind}\b", reads), topic


def test_docs_centre_numbers_are_those_of_the_code():
    assert f"{BATCH_MESSAGES} messages" in TEXT
    assert BATCH_SECONDS == 0.5
    assert "half a second" in TEXT
    assert f"every {SAY_SECONDS:g} s" in TEXT
    assert f"the latest {REJECTED_KEPT:,}" in TEXT
    assert f"missing for {FIRST_SECONDS:g} s" in TEXT
    assert f"{MOST_SECONDS / 60:g} min" in TEXT
    assert f"{SESSION_SECONDS / 86_400:g} days" in TEXT
    assert f"more than {AHEAD_SECONDS / 60:g} min in the future" in TEXT
    assert f"once in {REFUSED_SECONDS / 60:g} min" in TEXT
    assert AGAIN_SECONDS == 60
    assert "said again after a minute" in TEXT
    assert NEVER_USED == "never used:"
    assert f"`{NEVER_USED}`" in TEXT


def test_docs_centre_names_every_table_and_column_of_an_export():
    section = TEXT[TEXT.index("## Tables for other programs") : TEXT.index("## The file")]
    for what, tables in WHAT.items():
        assert f"`{what}`" in section
        for table in tables:
            row = next(line for line in section.splitlines() if f"`{table}.csv`" in line)
            told = re.sub(r" \(.*?\)", "", row.strip(" |").rpartition("|")[2])
            assert [each.strip() for each in told.split(",")] == list(COLUMNS[table])
    assert all(f"`{fate.value}`" in section for fate in Fate)
