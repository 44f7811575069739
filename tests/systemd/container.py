"""A machine that systemd boots: Debian in a container of systemd-nspawn, over root folders that tests share."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from broker import wait_until

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
DEBIAN = CACHE / "systemd-root"
WHEELS = CACHE / "systemd-wheels"
OLDEST = "bookworm"
"""The oldest Debian that devices have; the tests run there but for those that say otherwise."""
UBUNTU = "noble"
UBUNTU_KEYS = Path("/usr/share/keyrings/ubuntu-archive-keyring.gpg")
PACKAGES = "systemd,systemd-sysv,dbus,python3,python3-venv,mosquitto,mosquitto-clients,iproute2,sqlite3"
CGROUPS = Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup")
NUMBERS = itertools.count()


def needs() -> None:
    """Skips the test, with the reason, where no container can be booted."""
    if os.geteuid():
        pytest.skip("a container needs root")
    missing = [name for name in ("systemd-nspawn", "nsenter", "debootstrap") if not shutil.which(name)]
    if missing:
        pytest.skip(f"{', '.join(missing)} not here: scripts/setup systemd")
    if "overlay" not in Path("/proc/filesystems").read_text():
        pytest.skip("this kernel has no overlay file system")
    if _cgroups() is None:
        pytest.skip("no cgroup2 file system is mounted")


def _cgroups() -> Path | None:
    return next((folder for folder in CGROUPS if (folder / "cgroup.procs").exists()), None)


@contextmanager
def alone() -> Iterator[None]:
    """Holds the cache as long as the block lasts: tests of other processes wait."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "systemd.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def debian(suite: str = OLDEST) -> Path:
    """The root folder of a small Debian or Ubuntu; debootstrap makes it the first time, in minutes, by a network."""
    root = DEBIAN if suite == OLDEST else DEBIAN.with_name(f"{DEBIAN.name}-{suite}")
    if not (root / "complete").exists():
        shutil.rmtree(root, ignore_errors=True)
        options, mirror = ["--variant=minbase", f"--include={PACKAGES}"], []
        if suite == UBUNTU:
            options += [f"--keyring={UBUNTU_KEYS}", "--components=main,universe"]
            mirror = ["http://archive.ubuntu.com/ubuntu", "gutsy"]  # the script that all of Ubuntu's share
        done = subprocess.run(
            ["debootstrap", *options, suite, root, *mirror], capture_output=True, text=True, check=False
        )
        if done.returncode:
            pytest.skip(f"debootstrap cannot make a Debian: {done.stdout[-200:]}{done.stderr[-200:]}")
        (root / "complete").touch()
    return root


def wheels(python: str = "3.11") -> Path:
    """A folder with the wheels of requirements/run.txt for a Debian's Python, as for a device without a network."""
    lock = ROOT / "requirements" / "run.txt"
    folder = WHEELS if python == "3.11" else WHEELS.with_name(f"{WHEELS.name}-{python}")
    copy = folder / "run.txt"
    if not (copy.exists() and copy.read_bytes() == lock.read_bytes()):
        shutil.rmtree(folder, ignore_errors=True)
        command = [ROOT / ".venv/bin/python", "-m", "pip", "download", "-q", "--require-hashes", "--only-binary=:all:"]
        platforms = [f"--platform={name}_x86_64" for name in ("manylinux_2_28", "manylinux_2_27", "manylinux2014")]
        done = subprocess.run(
            [*command, "-r", lock, "-d", folder, f"--python-version={python}", *platforms],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"the wheels cannot be downloaded: {done.stderr[-300:]}")
        shutil.copy(lock, copy)
    return folder


class Container:
    """A machine of its own: its disk outlives its boots, what it keeps in memory does not."""

    def __init__(self, folder: Path, *lower: Path, bind: Sequence[tuple[Path, str]] = ()) -> None:
        self._folder, self._bind = folder, bind
        self._lower = ":".join(str(each) for each in lower)
        self.root = folder / "root"
        self._name = f"edge-{os.getpid()}-{next(NUMBERS)}"
        self._process: subprocess.Popen[bytes] | None = None
        self._init = 0

    def __enter__(self) -> Container:
        for part in ("upper", "work", "root"):
            (self._folder / part).mkdir(parents=True, exist_ok=True)
        options = f"lowerdir={self._lower},upperdir={self._folder}/upper,workdir={self._folder}/work"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, self.root], check=True)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            self.cut_power()
        # Busy as long as anybody looks in, such as a search through the whole checkout.
        wait_until(self._unmounted, what=f"{self.root} is unmounted", seconds=60)

    def _unmounted(self) -> bool:
        return subprocess.run(["umount", self.root], capture_output=True, check=False).returncode == 0

    def boot(self, *, seconds: float = 60) -> None:
        """Boots it, and waits until systemd has started what it starts."""
        group = self._group
        group.mkdir(exist_ok=True)
        binds = [f"--bind-ro={path}:{name}" for path, name in self._bind]
        command = ["systemd-nspawn", "-q", "--register=no", "--keep-unit", "--private-network", "--capability=all"]
        with (self._folder / "console.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--console=pipe", f"--machine={self._name}", *binds, "-D", self.root, "-b"],
                env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1", "SYSTEMD_SECCOMP": "0"},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=lambda: (group / "cgroup.procs").write_text(str(os.getpid())) and None,
            )  # fmt: skip
        wait_until(self._booted, what=self._console, seconds=seconds)

    def _booted(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self._console()
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        if not children:
            return False
        self._init = int(children[0])
        state = self.run("systemctl", "is-system-running", check=False).strip()
        return state in ("running", "degraded")

    def _console(self) -> str:
        return (self._folder / "console.log").read_text(errors="replace")[-3000:]

    def cut_power(self) -> None:
        """Ends it at once, with everything in its memory."""
        # The first process of the machine: the kernel ends all others with it. (nspawn's own end would end none.)
        os.kill(self._init, signal.SIGKILL)
        self._ended(seconds=30)

    def shut_down(self) -> None:
        """Shuts it down in order."""
        assert self._process
        self.run("systemctl", "poweroff", "--no-block", check=False)
        self._ended(seconds=90)

    @property
    def _group(self) -> Path:
        parent = _cgroups()
        assert parent, "there, says needs()"
        return parent / self._name

    def _ended(self, *, seconds: float) -> None:
        assert self._process
        self._process.wait(timeout=seconds)
        self._process = None
        wait_until(self._group_is_gone, what=f"{self._group} is empty")

    def _group_is_gone(self) -> bool:
        groups = (self._group, Path("/sys/fs/cgroup/systemd") / self._name)  # nspawn makes the second where it can
        for folder in (folder for group in groups for folder, _, _ in os.walk(group, topdown=False)):
            with contextlib.suppress(OSError):  # somebody in it has not ended yet
                Path(folder).rmdir()
        return not any(group.exists() for group in groups)

    def run(self, *words: str | Path, check: bool = True, stdin: str = "", seconds: float = 300) -> str:
        """What a command in it prints, and complains of; it must succeed unless it need not."""
        done = subprocess.run(
            ["nsenter", "-t", str(self._init), "-a", *words],
            input=stdin, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds,
            check=False,
            env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{words}: {done.stdout}"
        return done.stdout

    def shell(self, script: str, *, check: bool = True, seconds: float = 300) -> str:
        """What a shell script in it prints."""
        return self.run("sh", "-euc", script, check=check, seconds=seconds)

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", f"--property={name}", "--value", unit).strip()

    def journal(self, *words: str) -> str:
        """The lines of its journal."""
        return self.run("journalctl", "--no-pager", "-o", "short-monotonic", *words)

    def write(self, path: str, text: str) -> None:
        """Puts a file there in one piece, as an editor saves it."""
        self.run("sh", "-euc", 'cat >"$1.part" && mv "$1.part" "$1"', "sh", path, stdin=text)

    def until(self, fact: Callable[[], bool], what: str, *, seconds: float = 60) -> None:
        """Waits for something to become true in it."""
        wait_until(fact, what=lambda: f"{what}\n{self.journal('-n', '80')}", seconds=seconds)
