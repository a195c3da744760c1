"""Codes as sentences, in the reader's language. The catalogues are the TOML files beside this."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

__all__ = ["Language", "catalogue", "language_of", "sentence"]


class Language(StrEnum):
    EN = "en"
    ZH_CN = "zh-CN"
    ZH_TW = "zh-TW"


def sentence(code: str, parameters: Mapping[str, Any], language: Language) -> str:
    """What the code says to a person; made from the code itself where no catalogue knows it."""
    template = catalogue(language).get(code)
    if template is None:
        subject, _, rule = code.partition(".")
        words = f"{subject}: {rule}" if rule else subject
        return words.replace("_", " ").capitalize() + "."
    return template.format_map(_Readable(parameters))


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """The templates of a language, by code; `{name}` stands for a parameter."""
    text = (files("crm_api") / "catalogue" / f"{language}.toml").read_text("utf-8")
    return dict(_flat(tomllib.loads(text), ""))


@lru_cache(maxsize=256)
def language_of(accept_language: str) -> Language:
    """The best of our languages for an Accept-Language header (RFC 9110, 12.5.4); else English."""
    wanted = [_weighed(part) for part in accept_language.split(",")[:20]]
    for _, tag in sorted(wanted, key=lambda weighed: -weighed[0]):
        if tag.startswith(("zh-tw", "zh-hk", "zh-mo", "zh-hant")):
            return Language.ZH_TW
        if tag == "zh" or tag.startswith("zh-"):
            return Language.ZH_CN
        if tag == "en" or tag.startswith("en-"):
            return Language.EN
    return Language.EN


def _weighed(part: str) -> tuple[float, str]:
    tag, _, weight = part.partition(";")
    try:
        quality = float(weight.strip().removeprefix("q=") or 1)
    except ValueError:
        quality = 0.0
    return quality, tag.strip().lower()


class _Readable(dict[str, str]):
    """Parameters as they stand in a sentence; one that is missing keeps its name in braces."""

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        super().__init__({name: _words(value) for name, value in parameters.items()})

    def __missing__(self, name: str) -> str:
        return "{" + name + "}"


def _words(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(map(_words, value))
    return str(value)


def _flat(tree: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        if isinstance(value, str):
            yield prefix + name, value
        else:
            yield from _flat(value, f"{prefix}{name}.")
