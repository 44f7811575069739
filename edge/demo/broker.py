"""The demonstration's MQTT 5 broker (rumqttd in the wheel of iotcore): `python -m edge.demo.broker [--port N]`.

It writes one JSON line when it takes connections: `{"port": 40123}`. It listens on this machine only, knows no
passwords and keeps everything in memory. docs/decisions/0004-demo-broker.md says why this one.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from iotcore.iotcore import IotCoreBroker

HOST = "127.0.0.1"
READY_SECONDS = 10.0
CONFIGURATION = """
id = 0
[router]
id = 0
max_connections = 100
max_outgoing_packet_count = 200
max_segment_size = 1048576
max_segment_count = 32
[v5.1]
name = "v5"
listen = "{host}:{port}"
next_connection_delay_ms = 1
[v5.1.connections]
connection_timeout_ms = 10000
max_payload_size = 262144
max_inflight_count = 200
dynamic_filters = true
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until SIGTERM or SIGINT ends the process; 1 where the port is taken."""
    parser = argparse.ArgumentParser(prog="edge.demo.broker", description="An MQTT 5 broker for this machine only.")
    parser.add_argument("--port", type=int, default=0, help="port to listen on, 0 for a free one")
    port = _free(parser.parse_args(arguments).port)
    if not port:
        sys.stderr.write(f"{HOST}: cannot listen; choose another --port\n")
        return 1
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)  # it logs every packet as an error
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)  # rumqttd has no other end
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rumqttd.toml"
        file.write_text(CONFIGURATION.format(host=HOST, port=port))
        broker = IotCoreBroker(config_path=str(file))
    threading.Thread(target=_tell_when_ready, args=(port,), daemon=True).start()
    broker.run_forever()
    return 0


def _free(port: int) -> int:
    """The port itself, or a free one for 0; 0 where it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return 0
        return int(probe.getsockname()[1])


def _tell_when_ready(port: int) -> None:
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            sys.stdout.write(json.dumps({"port": port}) + "\n")
            sys.stdout.flush()
            return
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
