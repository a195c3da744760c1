"""Every code has its sentence, in every language."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

import crm_api
import crm_core
import crm_projections
from crm_api.messages import Language, catalogue, language_of, sentence

ROOTS = [Path(package.__file__ or "").parent for package in (crm_core, crm_projections, crm_api)]
RAISED = {
    "Rejected",
    "Unavailable",
    "SetupError",
    "Refused",
    "HttpRefusal",
    "unauthenticated",
    "__init__",
    "sentence",
}

# What only an operator can mend is printed with its remedy, in English; no client gets to see it.
FOR_OPERATORS = ("backup.", "cli.", "serve.", "root_key.", "persistence.", "redis.")


def codes_in(source: str) -> Iterator[tuple[str, frozenset[str] | None]]:
    """Codes of refusals with the names of their parameters (None where those are worked out)."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", "")
        if name not in RAISED:
            continue
        for argument in node.args[:2]:
            if isinstance(argument, ast.Constant) and is_code(argument.value):
                names = [keyword.arg for keyword in node.keywords]
                known = None if None in names else frozenset(filter(None, names))
                yield argument.value, known
                break


def is_code(value: object) -> bool:
    if not isinstance(value, str) or value.startswith(FOR_OPERATORS):
        return False
    subject, dot, rule = value.partition(".")
    return bool(dot) and subject.isidentifier() and rule.isidentifier()


FOUND = {
    code: parameters
    for root in ROOTS
    for path in sorted(root.rglob("*.py"))
    for code, parameters in codes_in(path.read_text("utf-8"))
}


def test_the_search_finds_the_codes_that_are_raised() -> None:
    assert {"customer.archived", "command.invalid", "auth.required", "paging.bad_cursor"} <= set(
        FOUND
    )
    assert len(FOUND) > 120


@pytest.mark.parametrize("language", Language)
def test_every_code_has_a_sentence_in(language: Language) -> None:
    assert sorted(set(FOUND) - set(catalogue(language))) == []


@pytest.mark.parametrize("language", Language)
def test_no_sentence_is_for_a_code_that_nobody_raises_in(language: Language) -> None:
    assert sorted(set(catalogue(language)) - set(FOUND)) == []


@pytest.mark.parametrize("language", Language)
def test_a_sentence_names_only_parameters_that_the_refusal_has(language: Language) -> None:
    for code, template in catalogue(language).items():
        named = {name for _, name, _, _ in string.Formatter().parse(template) if name}
        parameters = FOUND[code]
        if parameters is not None and code != "command.invalid":
            assert named <= parameters, code


def test_a_code_that_no_catalogue_knows_speaks_for_itself() -> None:
    assert sentence("plugin.not_so_fast", {}, Language.EN) == "Plugin: not so fast."


def test_parameters_are_put_into_the_sentence() -> None:
    said = sentence("user.unknown_role", {"role": "boss", "known": ["a", "b"]}, Language.ZH_CN)
    assert said == "没有角色 boss；已知角色：a, b。"
    assert "{limit}" in sentence("paging.size_too_large", {}, Language.EN)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", Language.EN),
        ("fr", Language.EN),
        ("zh", Language.ZH_CN),
        ("zh-Hant-HK, en;q=0.5", Language.ZH_TW),
        ("en;q=0.5, zh-TW;q=0.9", Language.ZH_TW),
        ("zh-CN,zh;q=0.9,en;q=0.8", Language.ZH_CN),
        ("zh;q=bad, en", Language.EN),
    ],
)
def test_the_reader_chooses_the_language(header: str, language: Language) -> None:
    assert language_of(header) is language
