"""Types of what goes over the wire as JSON: what they say is in the API's description."""

from typing import Annotated

from pydantic import WithJsonSchema

Moment = Annotated[
    str, WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-22T10:00:00+00:00"]})
]
"""A point in time, ISO 8601 with its offset from UTC."""
Count = Annotated[int, WithJsonSchema({"type": "integer", "minimum": 0})]
"""How many."""
