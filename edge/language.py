"""The languages in which people are spoken to: Vietnamese and English."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Language = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = ("vi", "en")


@dataclass(frozen=True, slots=True)
class Text:
    """The same in both."""

    en: str
    vi: str

    def __getitem__(self, language: Language) -> str:
        return self.vi if language == "vi" else self.en


def language(wanted: str | None, environment: Mapping[str, str] = os.environ) -> Language:
    """The one that is wanted, else that of the environment (LC_ALL, LC_MESSAGES, LANG), else English."""
    spoken = next((environment[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environment.get(name)), "")
    return "vi" if (wanted or spoken).startswith("vi") else "en"
