"""The centre's tables, told once for both databases; what differs is in a Dialect."""

from __future__ import annotations

from dataclasses import dataclass

LAYOUT = 4
"""2: `lease` came; 3: `complete` came to `epoch`; 4: `turn`, `queue` and `alarm` came, `other` went."""
INTERVALS = ("flow", "zone", "turn", "queue")
"""The tables of intervals, all of one form."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The types of one database, what ends a table, and the views, which read JSON."""

    text: str
    instant: str
    real: str
    whole: str
    blob: str
    serial: str
    """A number that the database gives to each new row, as a primary key."""
    strict: str
    views: str
    """Those of flow and zone."""
    more_views: str
    """Those of turn and queue."""


LEASE = """
CREATE TABLE lease (name {text} PRIMARY KEY, holder {text} NOT NULL, until {real} NOT NULL){strict};
"""
COMPLETE = "ALTER TABLE epoch ADD COLUMN complete {whole} NOT NULL DEFAULT 0;"
"""Everything up to it has come or is known to be lost, so that old ranges need not be read; 0 where nobody looked."""
_INTERVALS = """
CREATE TABLE {name} (
  node {text} NOT NULL, camera {text} NOT NULL, rule {text} NOT NULL, start {instant} NOT NULL, seconds {real} NOT NULL,
  epoch {text} NOT NULL, seq {whole} NOT NULL, coverage {real} NOT NULL, body {text} NOT NULL,
  PRIMARY KEY (node, camera, rule, start, seconds)){strict};
CREATE INDEX {name}_start ON {name} (start);
"""
_OTHERS = """
CREATE TABLE "cross" (
  node {text} NOT NULL, epoch {text} NOT NULL, seq {whole} NOT NULL, camera {text} NOT NULL, rule {text} NOT NULL,
  at {instant} NOT NULL, class {text} NOT NULL, direction {whole} NOT NULL, body {text} NOT NULL,
  PRIMARY KEY (node, epoch, seq)){strict};
CREATE INDEX cross_at ON "cross" (node, camera, at);
CREATE TABLE present (
  node {text} NOT NULL, camera {text} NOT NULL, kind {text} NOT NULL, body {text} NOT NULL, stored {real} NOT NULL,
  PRIMARY KEY (node, camera, kind)){strict};
CREATE TABLE epoch (
  id {serial}, node {text} NOT NULL, epoch {text} NOT NULL, complete {whole} NOT NULL DEFAULT 0,
  UNIQUE (node, epoch)){strict};
CREATE TABLE received (
  node {text} NOT NULL, epoch {text} NOT NULL, first {whole} NOT NULL, last {whole} NOT NULL,
  PRIMARY KEY (node, epoch, first)){strict};
CREATE TABLE lost (
  node {text} NOT NULL, epoch {text} NOT NULL, first {whole} NOT NULL, last {whole} NOT NULL, reason {text} NOT NULL,
  stored {real} NOT NULL,
  PRIMARY KEY (node, epoch, first)){strict};
CREATE TABLE rejected (
  id {serial}, stored {real} NOT NULL, topic {text} NOT NULL, reason {text} NOT NULL, body {blob} NOT NULL){strict};
CREATE TABLE tally (name {text} PRIMARY KEY, number {whole} NOT NULL){strict};
"""


_ALARM = """
CREATE TABLE alarm (
  node {text} NOT NULL, epoch {text} NOT NULL, seq {whole} NOT NULL, camera {text} NOT NULL, rule {text} NOT NULL,
  at {instant} NOT NULL, alarm {text} NOT NULL, kind {text} NOT NULL, state {text} NOT NULL, level {whole} NOT NULL,
  body {text} NOT NULL,
  PRIMARY KEY (node, epoch, seq)){strict};
CREATE INDEX alarm_at ON alarm (at);
CREATE INDEX alarm_id ON alarm (node, alarm);
"""


def statements(dialect: Dialect) -> str:
    """Everything that makes an empty database the centre's."""
    made = "".join(_INTERVALS.replace("{name}", name) for name in INTERVALS)
    return _spelt(made + _OTHERS + LEASE + _ALARM, dialect) + dialect.views + dialect.more_views


def since(layout: int, dialect: Dialect) -> str:
    """What makes the tables of an earlier layout, 1 to 3, today's; `other` is there still, for its rows to be moved."""
    made = LEASE * (layout < 2) + COMPLETE * (layout < 3) + _ALARM
    made += "".join(_INTERVALS.replace("{name}", name) for name in INTERVALS[2:])
    return _spelt(made, dialect) + dialect.more_views


def _spelt(template: str, dialect: Dialect) -> str:
    types = {each: getattr(dialect, each) for each in ("text", "instant", "real", "whole", "blob", "serial", "strict")}
    return template.format(**types)
