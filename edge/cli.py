"""The command line: one function per subcommand, no logic. Exit codes: 0 done, 1 something is wrong, 2 bad usage."""

from __future__ import annotations

import argparse
import errno
import io
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import ValidationError

from edge import logs
from edge.arguments import parsed
from edge.config.load import camera_id, load_camera, load_edge
from edge.config.settings import Settings
from edge.errors import EdgeError

Command = Callable[[argparse.Namespace, Settings], int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code. A fault that a person can mend is one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without Vietnamese letters shows the rest
    options = parsed(arguments)
    logs.begin(**({"camera": options.id} if options.command == "camera" else {}))
    try:
        return COMMANDS[options.command](options, _settings(options))
    except EdgeError as error:
        logs.end(error)
        return 1
    except PermissionError as error:  # of a folder that is only looked into
        do = "run it as root or as a member of the group edge"
        logs.end(EdgeError(str(error.filename), "is not for this user", found=error.strerror or "", do=do))
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0


def _settings(options: argparse.Namespace) -> Settings:
    folder: Path | None = getattr(options, "folder", None) or getattr(options, "config", None)
    try:
        return Settings(config=folder) if folder else Settings()
    except ValidationError as error:
        wrong = error.errors()[0]
        what, found = f"is wrong: {wrong['msg']}", repr(wrong["input"])[:80]
        do = "correct it in the environment, or take it out"
        raise EdgeError(f"EDGE_{wrong['loc'][0]}".upper(), what, found=found, do=do) from None


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


def _status(options: argparse.Namespace, settings: Settings) -> int:
    from edge.status.facts import as_json, facts
    from edge.status.page import show

    told = facts(settings)
    if options.json:
        print(json.dumps(as_json(told), ensure_ascii=False, indent=1))
    else:
        show(told, options.language)
    return 0 if told.well else 1


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
    _check_out(options.crossings, options.events)
    with progress(f"replay {options.video.name}") as done:
        replayed = replay(options.video, name=name, camera=camera, models=settings.models, progress=done)
    _write(options.crossings, "".join(f"{as_line(c)}\n" for c in replayed.crossings).encode())
    if options.events:
        _write(options.events, b"".join(body + b"\n" for body in replayed.messages))
    print(told(replayed, camera), file=sys.stderr)
    return 0


def _evaluate(options: argparse.Namespace, settings: Settings) -> int:
    from edge.evaluate import check_any, check_lines, check_zones, load_truth
    from edge.evaluation import evaluated, observe
    from edge.evaluation_report import as_json, report
    from edge.progress import progress

    truth = load_truth(options.truth)
    camera = load_camera(options.camera)
    check_any(truth, where=str(options.truth))
    check_lines(truth, camera.lines, where=str(options.truth))
    check_zones(truth, camera.zones, where=str(options.truth))
    _check_out(options.report, options.json)
    with progress(f"evaluate {options.video.name}") as done:
        observed = observe(options.video, camera=camera, models=settings.models, progress=done)
    result = evaluated(truth, observed, lines=camera.lines)
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
        raise _unwritable(file, error.errno) from None


def _check_out(*files: Path | None) -> None:
    """EdgeError for a file that could not be written after all the work."""
    for file in filter(None, files):
        if file.is_dir():
            raise _unwritable(file, errno.EISDIR)
        if not file.parent.is_dir():
            raise _unwritable(file, errno.ENOENT)
        if not os.access(file if file.exists() else file.parent, os.W_OK):
            raise _unwritable(file, errno.EACCES)


def _unwritable(file: Path, number: int | None) -> EdgeError:
    what = f"cannot be written, {os.strerror(number or errno.EIO)}"
    return EdgeError(str(file), what, do="name a file in a folder of yours")


COMMANDS: dict[str, Command] = {
    "run": _run,
    "camera": _camera,
    "publish": _publish,
    "apply": _apply,
    "status": _status,
    "check": _check,
    "replay": _replay,
    "evaluate": _evaluate,
    "listen": _listen,
    "export": _export,
    "models": _models,
    "schema": _schema,
    "demo": _demo,
}
