"""Text that people read, in both of the languages that reports speak."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: The languages every title and explanation exists in, the first being the fallback.
LANGUAGES = ("en", "zh-CN")


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence in English and in Simplified Chinese."""

    en: str
    zh: str = ""

    def in_language(self, language: str) -> str:
        """Return the sentence in ``language`` ("en" or "zh-CN"), falling back to English."""
        return self.zh if language.startswith("zh") and self.zh else self.en

    def as_json(self) -> dict[str, str]:
        """Return the form used in files and reports."""
        return {"en": self.en, "zh-CN": self.zh or self.en}

    @classmethod
    def parse(cls, value: Any) -> Text:
        """Read a plain string or a table ``{ en = …, zh-CN = … }``."""
        if isinstance(value, str):
            return cls(value)
        return cls(str(value["en"]), str(value.get("zh-CN", "")))
