"""The command line: one function per subcommand, no logic. Exit codes: 0 done, 1 something is wrong, 2 bad usage."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from edge import __version__
from edge.config.load import camera_id, load_camera, load_edge
from edge.config.settings import Settings
from edge.errors import EdgeError

Command = Callable[[argparse.Namespace, Settings], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. A fault that a person can mend is one line on standard error."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    command: Command = options.command
    try:
        return command(options, _settings(options))
    except EdgeError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0


def _settings(options: argparse.Namespace) -> Settings:
    folder: Path | None = getattr(options, "folder", None) or getattr(options, "config", None)
    return Settings(config=folder) if folder else Settings()


def _run(_: argparse.Namespace, settings: Settings) -> int:
    from edge.run import run

    return run(settings)


def _camera(options: argparse.Namespace, settings: Settings) -> int:
    from edge.worker import work

    return work(options.id, settings)


def _publish(_: argparse.Namespace, settings: Settings) -> int:
    from edge.publish import publish

    return publish(settings)


def _apply(_: argparse.Namespace, settings: Settings) -> int:
    from edge.apply import apply

    return apply(settings)


def _check(_: argparse.Namespace, settings: Settings) -> int:
    from edge.check import check

    faults = check(settings)
    for fault in faults:
        print(fault)
    files = len({fault.file for fault in faults})
    print(f"faults: {len(faults)}, files: {files}" if faults else f"{settings.config}: no faults", file=sys.stderr)
    return 1 if faults else 0


def _replay(options: argparse.Namespace, settings: Settings) -> int:
    from edge.progress import progress
    from edge.replay import as_line, replay, told

    camera = load_camera(options.camera)
    name = camera_id(options.camera)
    with progress(f"replay {options.video.name}") as done:
        crossings, messages = replay(options.video, name=name, camera=camera, models=settings.models, progress=done)
    _write(options.crossings, "".join(f"{as_line(c)}\n" for c in crossings).encode())
    if options.events:
        _write(options.events, b"".join(body + b"\n" for body in messages))
    print(told(crossings, camera), file=sys.stderr)
    return 0


def _evaluate(options: argparse.Namespace, settings: Settings) -> int:
    from edge.evaluate import check_lines, check_zones, load_truth
    from edge.evaluation import as_json, evaluated, observe, report
    from edge.progress import progress

    truth = load_truth(options.truth)
    camera = load_camera(options.camera)
    check_lines(truth, camera.lines, where=str(options.truth))
    check_zones(truth, camera.zones, where=str(options.truth))
    with progress(f"evaluate {options.video.name}") as done:
        observed = observe(options.video, camera=camera, models=settings.models, progress=done)
    result = evaluated(truth, observed)
    print(report(result))
    if options.report:
        title = f"# {options.video.name} with {camera.analyse.model} at {camera.analyse.rate:g} pictures/s"
        _write(options.report, f"{title}\n\n{report(result)}\n".encode())
    if options.json:
        _write(options.json, as_json(result).encode() + b"\n")
    return 0


def _listen(options: argparse.Namespace, settings: Settings) -> int:
    from edge.centre.bridge import read_also
    from edge.centre.database import is_server
    from edge.centre.listen import listen
    from edge.centre.listener import Centre

    edge = load_edge(settings.config / "edge.yaml")
    credentials = settings.credentials(edge.broker.credentials) if edge.broker.credentials else None
    shared = options.shared or is_server(options.store)
    centre = Centre(root=edge.root, id=options.id or edge.centre, shared=shared)
    also = read_also(options.also)
    return listen(edge.broker, centre=centre, store=options.store, credentials=credentials, also=also)


def _export(options: argparse.Namespace, _: Settings) -> int:
    from edge.export import export

    written = export(options.store, options.out, what=options.what, since=options.since, form=options.format)
    for file, rows in written.items():
        print(f"{file}: {rows} rows")
    return 0


def _models(_: argparse.Namespace, settings: Settings) -> int:
    from edge.detections.inventory import describe_models

    rows = describe_models(settings.models)
    for row in rows:
        state = "ready" if row.hash_ok else row.fault
        print(f"{row.name}: {row.family} {row.input}, {row.licence}; {state}" if row.family else f"{row.name}: {state}")
        if row.accuracy:
            print(f"    measured {row.accuracy}")
    return 1 if any(row.shipped and not row.hash_ok for row in rows) else 0


def _schema(options: argparse.Namespace, _: Settings) -> int:
    from edge.schemas import document, write

    if options.out:
        print(*write(options.out), sep="\n")
    else:
        print(document(options.name), end="")
    return 0


def _demo(options: argparse.Namespace, _: Settings) -> int:
    from edge.demo.demo import demo

    return demo(seconds=options.seconds, video=options.video, camera=options.camera)


def _write(file: Path | None, content: bytes) -> None:
    if file is None:
        sys.stdout.buffer.write(content)
        return
    try:
        file.write_bytes(content)
    except OSError as error:
        raise EdgeError(
            str(file), f"cannot be written, {error.strerror}", do="name a file in a folder of yours"
        ) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="edge", description="Counts road users beside the camera; tells the centre.")
    parser.add_argument("--version", action="version", version=f"edge {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        sub.set_defaults(command=command)
        return sub

    def folder(sub: argparse.ArgumentParser) -> None:
        text = "folder of edge.yaml and cameras/ (default: EDGE_CONFIG or configs); EDGE_STATE is where the journal is"
        sub.add_argument("--config", type=Path, metavar="DIR", help=text)

    folder(add("run", _run, "start the publisher and every camera in the foreground"))
    worker = add("camera", _camera, "analyse one camera")
    worker.add_argument("id", metavar="ID", help="its file is cameras/ID.yaml")
    folder(worker)
    folder(add("publish", _publish, "send what is counted to the centre"))
    folder(add("apply", _apply, "make the configuration the one that runs under systemd; restart what changed"))
    checking = add("check", _check, "tell every fault of the configuration, with file, line and column")
    checking.add_argument("folder", type=Path, nargs="?", metavar="DIR", help="the same as --config DIR")
    folder(checking)

    for name, command, text in (
        ("replay", _replay, "count in a video file, by the file's own clock"),
        ("evaluate", _evaluate, "count in a video file and compare with its truth"),
    ):
        sub = add(name, command, text)
        sub.add_argument("video", type=Path, metavar="VIDEO", help="any video file")
        sub.add_argument("--camera", type=Path, required=True, metavar="FILE", help="camera file with lines and zones")
        if name == "replay":
            sub.add_argument("--crossings", type=Path, metavar="OUT", help="JSON lines (default: standard output)")
            sub.add_argument("--events", type=Path, metavar="OUT", help="the messages, JSON lines")
        else:
            sub.add_argument(
                "--truth",
                type=Path,
                required=True,
                metavar="FILE",
                help="what really crossed and who was really there, JSON as in docs/evaluate.md",
            )
            sub.add_argument("--json", type=Path, metavar="OUT", help="the scores as JSON")
            sub.add_argument("--report", type=Path, metavar="OUT", help="the printed tables, Markdown")

    listening = add("listen", _listen, "the centre's side: validate, store, find gaps, show")
    where = "SQLite file, or postgresql://user@host/database (the password in ~/.pgpass)"
    listening.add_argument("--store", default="centre.db", metavar="WHERE", help=f"{where}; default: centre.db")
    shared = "share the messages with other instances of the same id (always so with PostgreSQL)"
    listening.add_argument("--shared", action="store_true", help=shared)
    also = "also tell in these tongues, with commas: onvif, homeassistant, ngsi-ld=FILE or ngsi-ld=URL"
    listening.add_argument("--also", default="", metavar="TONGUES", help=also)
    listening.add_argument("--id", help="this centre's id in its confirmations (default: `centre` in edge.yaml)")
    folder(listening)
    exporting = add("export", _export, "write what the centre has stored as tables")
    exporting.add_argument("out", type=Path, metavar="OUT", help="a folder")
    exporting.add_argument("--store", default="centre.db", metavar="WHERE", help=f"{where}; default: centre.db")
    text = (
        "intervals (OUT/flow, zone, turn and queue), hours (volumes and the peak-hour factor), crossings (single ones),"
        " alarms (each change) or gaps (numbers without a message); default: intervals"
    )
    exporting.add_argument(
        "--what", choices=("intervals", "hours", "crossings", "alarms", "gaps"), default="intervals", help=text
    )
    exporting.add_argument("--since", default="", metavar="TIME", help="a day or a moment, UTC (default: all)")
    exporting.add_argument("--format", choices=("csv", "parquet"), default="csv", help="default: csv")
    add("models", _models, "list the models and verify their weights")
    schemas = add("schema", _schema, "print the JSON Schema of a message, or the AsyncAPI document, or write all")
    what = schemas.add_mutually_exclusive_group()
    what.add_argument("name", nargs="?", default="asyncapi", metavar="NAME", help="a message (default: asyncapi)")
    what.add_argument("--out", type=Path, metavar="DIR", help="write DIR/asyncapi.json and DIR/schemas/*.json")
    demonstration = add(
        "demo", _demo, "camera, broker, worker, publisher and centre on this machine, with a street video"
    )
    demonstration.add_argument(
        "--seconds", type=float, metavar="N", help="end after N seconds, with counted against true"
    )
    demonstration.add_argument("--video", type=Path, metavar="FILE", help="your own video")
    demonstration.add_argument("--camera", type=Path, metavar="FILE", help="the camera file for it")
    return parser
