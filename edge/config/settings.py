"""Where things are on this machine, from the environment: EDGE_CONFIG, EDGE_STATE, EDGE_RUN, EDGE_MODEL_PATH,
EDGE_SECRETS; and EDGE_TIME_WAIT."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from edge.errors import EdgeError

OWN_MODELS = Path(__file__).resolve().parents[2] / "models"


class Settings(BaseSettings):
    """The folders of this device and its patience; every one has a default that suits a checkout."""

    model_config = SettingsConfigDict(env_prefix="EDGE_", frozen=True, extra="ignore")

    config: Path = Path("configs")
    """Folder of edge.yaml and cameras/."""
    state: Path = Path("state")
    """Folder on the disk of what survives a power cut."""
    run: Path | None = None
    """Folder in memory of the journal and the outbox, which outlives every process; by default `run` in the state."""
    model_path: str = Field(default="")
    """Folders of model cards and weights, separated by colons; the project's own models come last."""
    secrets: Path | None = None
    """Folder of secrets, one file each; by default `secrets` in the folder of the configuration."""
    time_wait: float = Field(default=900.0, ge=0)
    """Seconds that intervals wait for the right time, where the clock does not have it, before they go without it."""

    @property
    def models(self) -> tuple[Path, ...]:
        """The folders in which cards and weights are looked for, in order."""
        named = tuple(Path(part) for part in self.model_path.split(":") if part)
        return (*named, OWN_MODELS)

    @property
    def database(self) -> Path:
        """The file of the journal and the outbox."""
        return self.memory / "edge.db"

    @property
    def memory(self) -> Path:
        """The folder of the database and of what keeps processes apart."""
        return self.run or self.state / "run"

    def _secret_files(self, name: str) -> list[Path]:
        given = os.environ.get("CREDENTIALS_DIRECTORY")
        folders = ([Path(given)] if given else []) + [self.secrets or self.config / "secrets"]
        return [folder / name for folder in folders]

    def exposed_secret(self, name: str) -> Path | None:
        """The file of a secret that others than its owner can read."""
        for file in self._secret_files(name):
            with suppress(OSError):  # a folder that may not be looked into shows it to nobody
                if file.stat().st_mode & 0o077:
                    return file
        return None

    def credentials(self, name: str) -> tuple[str, str]:
        """User and password of a named secret: a file whose only line is `user:password`.

        systemd's credentials are looked at first. EdgeError where it is missing or has another form; the text of
        the secret is never told.
        """
        files = self._secret_files(name)
        for file in files:
            try:
                text = file.read_text(encoding="utf-8-sig").strip()  # Notepad puts a mark before it
            except FileNotFoundError:
                continue
            except PermissionError:
                raise EdgeError(str(file), "the secret cannot be read", found="it belongs to another user",
                                do="run this with sudo or as root; let it stay chmod 600") from None  # fmt: skip
            except (OSError, UnicodeDecodeError) as error:
                raise EdgeError(str(file), "the secret cannot be read", found=type(error).__name__,
                                do="make it a text file in UTF-8, one line user:password") from None  # fmt: skip
            user, colon, password = text.partition(":")
            if not (user and colon) or "\n" in text:
                raise EdgeError(str(file), "the secret has another form", expected="one line user:password",
                                do="write it so")  # fmt: skip
            return user, password
        raise EdgeError(f"secret {name}", "not found", expected=f"the file {files[-1]}",
                        do="write user:password into it and chmod it to 600")  # fmt: skip
