"""What each command can be given, and what its help says."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from edge import __version__
from edge.help import COMMANDS, PROGRAM
from edge.language import LANGUAGES, Language, language

STORE = "SQLite file, or postgresql://user@host/database (the password in ~/.pgpass); default: centre.db"


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The name of the command as `command`, its `language`, and its options; ends with code 2 where they are wrong."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--lang", nargs="?")
    return _parser(language(first.parse_known_args(arguments)[0].lang)).parse_args(arguments)


def _parser(spoken: Language) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="edge", description=PROGRAM[spoken])
    parser.add_argument("--version", action="version", version=f"edge {__version__}")
    _lang(parser)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        said = text[spoken]
        sub = commands.add_parser(name, help=said, description=f"{said[0].upper()}{said[1:]}.")
        sub.set_defaults(command=name, language=spoken)
        _lang(sub)
        for add in _OPTIONS.get(name, ()):
            add(sub)
    return parser


def _lang(parser: argparse.ArgumentParser) -> None:
    text = "language of help and of edge status (default: that of the environment)"
    parser.add_argument("--lang", choices=LANGUAGES, default=argparse.SUPPRESS, help=text)


def _folder(parser: argparse.ArgumentParser) -> None:
    text = "folder of edge.yaml and cameras/ (default: EDGE_CONFIG or configs); EDGE_STATE is where the journal is"
    parser.add_argument("--config", type=Path, metavar="DIR", help=text)


def _camera(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="its file is cameras/ID.yaml")


def _status(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="the facts as JSON, times in Unix seconds")


def _check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, nargs="?", metavar="DIR", help="the same as --config DIR")


def _video(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("video", type=Path, metavar="VIDEO", help="any video file")
    parser.add_argument("--camera", type=Path, required=True, metavar="FILE", help="camera file with lines and zones")


def _replay(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--crossings", type=Path, metavar="OUT", help="JSON lines (default: standard output)")
    parser.add_argument("--events", type=Path, metavar="OUT", help="the messages, JSON lines")


def _evaluate(parser: argparse.ArgumentParser) -> None:
    text = "what really crossed and who was really there, JSON as in docs/evaluate.md"
    parser.add_argument("--truth", type=Path, required=True, metavar="FILE", help=text)
    parser.add_argument("--json", type=Path, metavar="OUT", help="the scores as JSON")
    parser.add_argument("--report", type=Path, metavar="OUT", help="the printed tables, Markdown")


def _store(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--store", default="centre.db", metavar="WHERE", help=STORE)


def _listen(parser: argparse.ArgumentParser) -> None:
    shared = "share the messages with other instances of the same id (always so with PostgreSQL)"
    parser.add_argument("--shared", action="store_true", help=shared)
    also = "also tell in these tongues, with commas: onvif, homeassistant, ngsi-ld=FILE or ngsi-ld=URL"
    parser.add_argument("--also", default="", metavar="TONGUES", help=also)
    parser.add_argument("--id", help="this centre's id in its confirmations (default: `centre` in edge.yaml)")


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("out", type=Path, metavar="OUT", help="a folder")
    text = (
        "intervals (OUT/flow, zone, turn and queue), hours (volumes and the peak-hour factor), crossings (single ones),"
        " alarms (each change) or gaps (numbers without a message); default: intervals"
    )
    kinds = ("intervals", "hours", "crossings", "alarms", "gaps")
    parser.add_argument("--what", choices=kinds, default="intervals", help=text)
    parser.add_argument("--since", default="", metavar="TIME", help="a day or a moment, UTC (default: all)")
    parser.add_argument("--format", choices=("csv", "parquet"), default="csv", help="default: csv")


def _schema(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("name", nargs="?", default="asyncapi", metavar="NAME", help="a message (default: asyncapi)")
    what.add_argument("--out", type=Path, metavar="DIR", help="write DIR/asyncapi.json and DIR/schemas/*.json")


def _demo(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, metavar="N", help="end after N seconds, with counted against true")
    parser.add_argument("--video", type=Path, metavar="FILE", help="your own video")
    parser.add_argument("--camera", type=Path, metavar="FILE", help="the camera file for it")


_OPTIONS: dict[str, tuple[Callable[[argparse.ArgumentParser], None], ...]] = {
    "run": (_folder,),
    "camera": (_camera, _folder),
    "publish": (_folder,),
    "apply": (_folder,),
    "status": (_status, _folder),
    "check": (_check, _folder),
    "replay": (_video, _replay),
    "evaluate": (_video, _evaluate),
    "listen": (_store, _listen, _folder),
    "export": (_store, _export),
    "schema": (_schema,),
    "demo": (_demo,),
}
