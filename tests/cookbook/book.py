"""The documents of the cookbook, and what is written from them: `make cookbook`.

The manifest is what builds of Relay and GraphQL codegen write, for CRM_TRUSTED_DOCUMENTS. The tabs
of GraphiQL are some of the documents; they are shipped with the page, so they are written there.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

__all__ = ["FILES", "documents", "written"]

_ROOT = Path(__file__).parents[2]
_BOOK = _ROOT / "docs" / "cookbook"
FILES = (
    _BOOK / "manifest.json",
    _ROOT / "src" / "crm_api" / "graphiql" / "page" / "examples.js",
)

_TABS = (
    "who-am-i", "customers-page", "open-opportunities", "register-person-dry-run",
    "pipeline-by-stage", "follow-events",
)  # fmt: skip


def documents() -> dict[str, str]:
    """The texts by their names: `customer-by-id`."""
    return {file.stem: file.read_text("utf-8") for file in sorted(_BOOK.glob("*.graphql"))}


def written() -> tuple[str, ...]:
    """What each of FILES has to hold."""
    texts = documents()
    hashes = {hashlib.sha256(text.encode()).hexdigest(): text for text in texts.values()}
    manifest = json.dumps(hashes, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    tabs = "".join(f"  {{\n    query: `{_quoted(texts[name])}`,\n  }},\n" for name in _TABS)
    return manifest, f"{_HEAD}\nexport const examples = [\n{tabs}];\n"


_HEAD = """\
// What a newcomer can run first: a tab for each. Written from the cookbook by `make cookbook`.
"""


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("`", "\\`").replace("${", "\\${")


if __name__ == "__main__":
    for file, text in zip(FILES, written(), strict=True):
        file.write_text(text, "utf-8")
