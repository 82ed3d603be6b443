"""Whether an answer is what the description says."""

from collections.abc import Mapping
from typing import Any

import requests
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

_formats = FormatChecker(["date-time", "uuid"])


class Description:
    """The document, closed: what it does not name is wrong here, though clients are told to ignore it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        closed = {name: _closed(schema) for name, schema in document["components"]["schemas"].items()}
        whole = {"components": {**document["components"], "schemas": closed}}
        self._registry: Registry[Any] = Registry().with_resource("urn:api", Resource.from_contents(whole, DRAFT202012))

    def operation(self, method: str, path: str) -> dict[str, Any]:
        """What is said of one."""
        found: dict[str, Any] = self.document["paths"][path][method.lower()]
        return found

    def wrong(self, method: str, path: str, answer: requests.Response) -> list[str]:
        """What is not as described: status, media type, body, headers."""
        responses = self.operation(method, path)["responses"]
        told = responses.get(str(answer.status_code))
        if told is None:
            return [f"{answer.status_code} is not described, {sorted(responses)} are: {answer.text[:200]}"]
        return [*self._wrong_headers(told, answer), *self._wrong_content(told, answer)]

    def _wrong_headers(self, told: Mapping[str, Any], answer: requests.Response) -> list[str]:
        wrong = []
        for name, reference in told.get("headers", {}).items():
            schema = self.document["components"]["headers"][reference["$ref"].rpartition("/")[2]]["schema"]
            value = answer.headers.get(name)
            if value is None:
                wrong += [] if name == "Link" else [f"the header {name} is missing"]
            else:
                wrong += [f"{name}: {error.message}" for error in self._validator(schema).iter_errors(value)]
        return wrong

    def _wrong_content(self, told: Mapping[str, Any], answer: requests.Response) -> list[str]:
        media = answer.headers.get("Content-Type", "").partition(";")[0]
        content = told.get("content", {})
        if not content:
            return [f"a body where none is described: {answer.content[:100]!r}"] if answer.content else []
        if media not in content:
            return [f"{media or 'no media type'} is not described, {sorted(content)} are"]
        schema = content[media]["schema"]
        value = answer.json() if media.endswith("json") else answer.text
        if media.startswith("image/") and media != "image/svg+xml":
            return [] if answer.content else ["an empty picture"]
        errors = self._validator(_closed(schema)).iter_errors(value)
        return [f"{error.json_path}: {error.message}"[:400] for error in errors]

    def _validator(self, schema: Mapping[str, Any]) -> Draft202012Validator:
        here = _to_registry(schema)
        return Draft202012Validator(here, registry=self._registry, format_checker=_formats)


def _closed(schema: Any) -> Any:
    """The schema with its objects closed; those that are named by their keys, and the parts of `allOf`, stay open."""
    if isinstance(schema, list):
        return [_closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: value if name == "allOf" else _closed(value) for name, value in schema.items()}
    if "properties" in told and isinstance(told["properties"], dict) and "type" in told and "allOf" not in told:
        told.setdefault("additionalProperties", False)
    return told


def _to_registry(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_to_registry(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: f"urn:api{value}" if name == "$ref" and value.startswith("#") else _to_registry(value)
        for name, value in schema.items()
    }
