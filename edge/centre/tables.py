"""The centre's tables, told once for both databases; what differs is in a Dialect."""

from __future__ import annotations

from dataclasses import dataclass

LAYOUT = 2
"""2: `lease` came."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The types of one database, what ends a table, and the two views, which read JSON."""

    text: str
    instant: str
    real: str
    whole: str
    blob: str
    serial: str
    """A number that the database gives to each new row, as a primary key."""
    strict: str
    views: str


LEASE = """
CREATE TABLE lease (name {text} PRIMARY KEY, holder {text} NOT NULL, until {real} NOT NULL){strict};
"""
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
CREATE TABLE other (
  node {text} NOT NULL, epoch {text} NOT NULL, seq {whole} NOT NULL, kind {text} NOT NULL, camera {text} NOT NULL,
  rule {text} NOT NULL, body {text} NOT NULL,
  PRIMARY KEY (node, epoch, seq)){strict};
CREATE TABLE present (
  node {text} NOT NULL, camera {text} NOT NULL, kind {text} NOT NULL, body {text} NOT NULL, stored {real} NOT NULL,
  PRIMARY KEY (node, camera, kind)){strict};
CREATE TABLE epoch (id {serial}, node {text} NOT NULL, epoch {text} NOT NULL, UNIQUE (node, epoch)){strict};
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


def statements(dialect: Dialect, *, only: str = "") -> str:
    """Everything that makes an empty database the centre's; or `only` a part of it, for one of an earlier layout."""
    template = only or _INTERVALS.replace("{name}", "flow") + _INTERVALS.replace("{name}", "zone") + _OTHERS + LEASE
    types = {each: getattr(dialect, each) for each in ("text", "instant", "real", "whole", "blob", "serial", "strict")}
    return template.format(**types) + ("" if only else dialect.views)
