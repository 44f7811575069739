"""A device, a broker and a centre as real processes with cuttable links between; what befalls them is in chaos_plan."""

from __future__ import annotations

import heapq
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from broker import wait_until
from chaos_camera import NIGHT
from chaos_plan import ALL, EVERY, LINKS, PROCESSES, Round
from chaos_processes import ROOT, Process, SavingBroker
from chaos_truth import Stored, Truth, faults, figures, received
from link import Link

from edge.events import utc

NODE, CAMERA = "hue-test-01", "gate"
EDGE = "node: %s\nbroker: {host: 127.0.0.1, port: %d, tls: false, keepalive_seconds: 5}\n"
AT_WORK_SECONDS = 60.0
"""How long a process may take to start on a busy machine."""
CAMERA_FILE = f"""\
analyse: {{rate: 5}}
lines:
  - {{id: l1, points: [[0.1, 0.5], [0.9, 0.5]], every: {EVERY}, crossings: true}}
  - {{id: l2, points: [[0.1, 0.7], [0.9, 0.7]], every: {EVERY}}}
zones:
  - {{id: z1, points: [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9]], every: {EVERY}}}
"""
"""Single crossings of l1 are told too, so that each can be looked for; those of l2 are only in the sums."""


class Chaos:
    """One device, broker and centre in one folder. With `seed` its street is the same for the same lives."""

    def __init__(self, folder: Path, *lines: str, seed: int = 1) -> None:
        self.folder, self.store, self.truth = folder, folder / "centre.db", folder / "truth.jsonl"
        self.killed: dict[str, float] = {}
        self.story: list[tuple[float, str]] = []
        self._seed, self._lives = seed, 0
        self.broker = SavingBroker(folder / "broker", *lines)
        self.links = {name: Link(self.broker.port) for name in LINKS}
        device = self._config("device", self.links[LINKS[0]].port)
        centre = self._config("centre", self.links[LINKS[1]].port)
        self.device = {"EDGE_CONFIG": str(device), "EDGE_STATE": str(folder / "state"), "EDGE_RUN": str(folder / "run")}
        listen = ("-m", "edge", "listen", "--store", str(self.store), "--config", str(centre))
        camera = (str(Path(__file__).with_name("chaos_camera.py")), CAMERA, str(self.truth))
        self.processes = {
            "camera": Process(folder, "camera", *camera, **self.device, PYTHONPATH=str(ROOT)),
            "publisher": Process(folder, "publisher", "-m", "edge", "publish", **self.device),
            "centre": Process(folder, "centre", *listen),
        }
        self._due: list[tuple[float, int, str, Callable[[], None]]] = []

    def _config(self, name: str, port: int) -> Path:
        folder = self.folder / name
        (folder / "cameras").mkdir(parents=True)
        (folder / "edge.yaml").write_text(EDGE % (NODE, port))
        if name == "device":
            (folder / "cameras" / f"{CAMERA}.yaml").write_text(CAMERA_FILE)
        return folder

    def start(self, *targets: str) -> None:
        for target in targets:
            if target == "broker":
                self.broker.start()
            else:
                self._lives += target == "camera"
                more = (f"{self._seed}.{self._lives}",) if target == "camera" else ()
                self.processes[target].start(*more)

    def run(self, rounds: Sequence[Round]) -> None:
        """One fault after another. An error tells its round."""
        clock = time.monotonic()
        for each in rounds:
            try:
                self._note(str(each))
                if each.fault == "killed":
                    self._until_at_work(PROCESSES if each.target == ALL else (each.target,))
                if each.after_end is not None:
                    self._wait(time.monotonic() + (each.after_end - time.time()) % EVERY)
                clock = max(clock, time.monotonic())
                self._do(each, clock)
                clock += each.pause
                self._wait(clock)
            except BaseException as error:
                error.add_note(f"seed {self._seed}, {each}")
                raise

    def heal(self) -> None:
        """Mends at once whatever is broken."""
        self._wait(float("inf"))
        self._note("healed")

    def nightfall(self) -> float:
        """No crossings from now on; when that was, Unix seconds."""
        (self.folder / NIGHT).touch()
        self._note("night")
        return time.time()

    def told(self, differing: Sequence[str] = ()) -> str:
        """What a person needs to find a fault: the seed, what differs, the story and the last words of each."""
        story = "\n".join(f"{utc(at, millis=True)} {text}" for at, text in self.story)
        words = "\n".join(f"--- {name}\n{process.said[-3000:]}" for name, process in self.processes.items())
        more = f"\n… {len(differing) - 40} more" if len(differing) > 40 else ""
        return f"seed {self._seed}\n" + "\n".join(differing[:40]) + f"{more}\n{story}\n{words}"

    def stop(self) -> None:
        """Ends all in order; fails where one of them does not end well."""
        for process in self.processes.values():
            process.must_live()
            code = process.end(signal.SIGTERM)
            assert code == 0, f"{process.name}: code {code}: {process.said[-2000:]}"
            assert "Traceback" not in process.said, process.said

    def close(self) -> None:
        """Ends what is left by force."""
        for process in self.processes.values():
            process.end(signal.SIGKILL)
        self.broker.end(signal.SIGKILL)
        for link in self.links.values():
            link.close()

    def _note(self, text: str) -> None:
        self.story.append((time.time(), text))

    def _wait(self, until: float) -> None:
        """Mends what is due meanwhile, and sees to it that nobody ends by himself."""
        while self._due and self._due[0][0] <= until:
            at, _, _, mend = heapq.heappop(self._due)
            if until != float("inf"):
                time.sleep(max(0.0, at - time.monotonic()))
            mend()
        if until != float("inf"):
            time.sleep(max(0.0, until - time.monotonic()))
        dead = {target for _, _, target, _ in self._due}
        for name, process in self.processes.items():
            if not dead & {name, ALL}:
                process.must_live()

    def _until_at_work(self, targets: Sequence[str]) -> None:
        life = f'"tick", "life": "{self._seed}.{self._lives}"'
        waiting = {*targets} - {"broker"}
        deadline = time.monotonic() + AT_WORK_SECONDS
        while waiting := {each for each in waiting if not self.processes[each].at_work}:
            assert time.monotonic() < deadline, f"not at work within {AT_WORK_SECONDS} s: {waiting}"
            self._wait(time.monotonic() + 0.05)
        while "camera" in targets and life not in self.truth.read_text():
            assert time.monotonic() < deadline, f"the camera does not look within {AT_WORK_SECONDS} s"
            self._wait(time.monotonic() + 0.05)

    def _do(self, each: Round, clock: float) -> None:
        if each.target in LINKS:
            mend = self._cut(each.target, each.fault)
        elif each.fault == "saves":
            self.broker.save()
            return
        else:
            mend = self.kill(each.target, port_open=each.fault.endswith("open port"))
        heapq.heappush(self._due, (clock + each.lasting, each.number, each.target, mend))

    def kill(self, target: str, *, port_open: bool = False) -> Callable[[], None]:
        """kill -9; call what it returns to start it again. A broker's port is closed meanwhile, or stays open as that
        of a balancer does."""
        if target == "broker":
            return self._kill_broker(port_open=port_open)
        if target == ALL:
            mends = [self.kill(each) for each in PROCESSES]
            return lambda: [mend() for mend in mends].clear()
        self.processes[target].end(signal.SIGKILL)
        if target == "camera":
            self.killed[f"{self._seed}.{self._lives}"] = time.time()
        return lambda: self.start(target)

    def _kill_broker(self, *, port_open: bool) -> Callable[[], None]:
        links = [] if port_open else [*self.links.values()]

        def mend() -> None:
            self.broker.start()
            for link in links:
                link.admit()

        self.broker.end(signal.SIGKILL)
        for link in links:
            link.refuse()
        return mend

    def _cut(self, target: str, fault: str) -> Callable[[], None]:
        link = self.links[target]
        kind, _, forgotten = fault.partition(", ")
        match kind:
            case "refuse":
                link.refuse()
                return link.admit
            case "reset":
                link.reset()
            case "up dead":
                link.one_way("up")
            case "down dead":
                link.one_way("down")
            case _:
                link.drop()
        return lambda: link.pass_on(forgotten=bool(forgotten))


@dataclass(frozen=True)
class Proof:
    """What a run came to."""

    stored: Stored
    truth: Truth
    figures: dict[str, object]


def prove(chaos: Chaos, rounds: Sequence[Round], *, seconds: float) -> Proof:
    """Runs the rounds, mends everything and waits until the centre has all of it; fails where it differs from the
    truth."""
    began = time.monotonic()
    chaos.start("broker", "centre", "publisher", "camera")
    wait_until(lambda: NODE in chaos.processes["centre"].said, what=chaos.told, seconds=60)
    chaos.run(rounds)
    early = received(chaos.store)
    chaos.heal()
    night = chaos.nightfall()
    stored = _awaited(chaos, night, seconds)
    healed = time.time() - night
    chaos.stop()
    truth = Truth.read(chaos.truth, chaos.killed)
    differing = faults(stored, truth)
    assert not differing, chaos.told(differing)
    took = {
        "messages there before all was mended": early,
        "seconds until all were there": round(healed, 1),
        "seconds in all": round(time.monotonic() - began),
    }
    return Proof(stored, truth, {"rounds": len(rounds), **figures(stored, truth), **took})


def _awaited(chaos: Chaos, night: float, seconds: float) -> Stored:
    found: list[Stored] = []

    def whole() -> bool:
        found.extend(each for each in [Stored.read(chaos.store, after=night)] if each)
        return bool(found)

    wait_until(whole, what=chaos.told, seconds=seconds)
    return found[0]
