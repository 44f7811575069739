"""A simulated RTSP camera that loops files without re-encoding: `python -m edge.demo.camera NAME=FILE...`.

It writes one JSON line to its output when it is ready, `{"port": 8554, "names": ["gate"]}`, and one when the first
client of a stream makes it start at frame 0: `{"playing": "gate", "utc": 1764000000.0, "duration": 79.5}`.

With `--faults` it reads commands from its input, a line each, and writes `{"done": "stall gate"}` when obeyed; they are
in `edge.demo.rtsp_faults.COMMANDS`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.demo.rtsp_clip import load
from edge.demo.rtsp_faults import COMMANDS, obey
from edge.demo.rtsp_session import Session, Site
from edge.demo.rtsp_stream import Stream
from edge.errors import EdgeError

REQUEST_BYTES = 1 << 16


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; 0 when stopped, 1 when a file cannot be sent or the port is taken."""
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_run(options))
    except EdgeError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="edge.demo.camera",
        description="Loops video files as an RTSP camera.",
        epilog=f"commands with --faults:\n{COMMANDS}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8554, help="port to listen on, 0 for a free one")
    parser.add_argument("--credentials", type=_login, metavar="USER:PASSWORD", help="login that clients need")
    parser.add_argument("--faults", action="store_true", help="take fault commands from the standard input")
    parser.add_argument("streams", nargs="+", type=_stream, metavar="NAME=FILE", help="rtsp://HOST:PORT/NAME")
    return parser


def _login(text: str) -> tuple[str, str]:
    user, separator, password = text.partition(":")
    if not separator or not user:
        raise argparse.ArgumentTypeError("expected USER:PASSWORD")
    return user, password


def _stream(text: str) -> tuple[str, Path]:
    name, separator, path = text.partition("=")
    if not separator or not name or "/" in name:
        raise argparse.ArgumentTypeError(f"expected NAME=FILE, found {text}")
    return name, Path(path)


async def _run(options: argparse.Namespace) -> None:
    clips = {path: load(path) for path in {path for _, path in options.streams}}
    site = Site({name: Stream(name, clips[path], _playing) for name, path in options.streams}, options.credentials)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)

    running: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = loop.create_task(Session(site, reader, writer).serve())
        running.add(session)
        session.add_done_callback(running.discard)

    try:
        server = await asyncio.start_server(connected, options.host, options.port, limit=REQUEST_BYTES)
    except OSError as error:
        where = f"{options.host}:{options.port}"
        raise EdgeError(where, "cannot listen", found=error.strerror or "", do="choose another --port") from None
    _tell({"port": server.sockets[0].getsockname()[1], "names": list(site.streams)})
    if options.faults:
        running.add(loop.create_task(_take_faults(site)))
    await stopped.wait()
    server.close()
    for task in running:
        task.cancel()


async def _take_faults(site: Site) -> None:
    """Obey fault commands from the standard input until it ends."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := (await reader.readline()).decode():
        try:
            told = obey(site, line.split())
        except (KeyError, ValueError):
            _tell({"refused": line.strip()})
            continue
        if told:
            _tell(told)
        _tell({"done": line.strip()})


def _playing(name: str, utc: float, duration: float) -> None:
    _tell({"playing": name, "utc": utc, "duration": duration})


def _tell(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
