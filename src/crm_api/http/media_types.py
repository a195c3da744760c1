"""In which media type an answer is given."""

from __future__ import annotations

from functools import lru_cache

from crm_api.graphql.errors import ErrorCode
from crm_api.http.refusals import HttpRefusal

__all__ = ["JSON", "RESPONSE", "media_type_of", "media_type_or_json"]

RESPONSE = "application/graphql-response+json"
JSON = "application/json"
_MEDIA_TYPES = {
    RESPONSE: RESPONSE,
    JSON: JSON,
    "application/*": JSON,
    "*/*": JSON,
}


@lru_cache(maxsize=256)
def media_type_of(accept: str) -> str:
    """The media type to answer in. Raises HttpRefusal 406 where none of ours is accepted."""
    if not accept.strip():
        return JSON
    offers = []
    for part in accept.split(",")[:20]:
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = _quality(parameters)
        if name in _MEDIA_TYPES and quality > 0:
            offers.append((quality, _MEDIA_TYPES[name]))
    if not offers:
        raise HttpRefusal(ErrorCode.NOT_ACCEPTABLE, "http.not_acceptable")
    return max(offers, key=lambda offer: offer[0])[1]


def media_type_or_json(accept: str) -> str:
    try:
        return media_type_of(accept)
    except HttpRefusal:
        return JSON


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
