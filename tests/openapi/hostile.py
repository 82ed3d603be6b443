"""Requests that no description would make: what strangers and broken programs send."""

import json
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

DEEP = "[" * 100_000
ODD_TEXTS = (
    "\x00",
    "a\x00b",
    "..",
    "../../etc/passwd",
    "a/b",
    "a\\b",
    "#",
    "?",
    "%",
    "%00",
    "'",
    "''",
    '"',
    "*",
    "~",
    "~e30",
    "~W10",
    "~eyJhIjoiYiJ9",
    "~eyJQYXJ0aXRpb25LZXkiOiJ4In0",
    "\u202egnp.exe",
    "\U0001f600",
    "é" * 200,
    "x" * 4_000,
    "\ufffe",
    "\x1b[31m",
    "<script>",
    "{0.x}",
    "${jndi:ldap://x}",
    "null",
    "true",
    "-1",
    "1e999",
    "9" * 400,
    "٣",
    "\r\nX-Injected: 1",
    "00000000-0000-0000-0000-000000000000",
    "person.0@contoso.com ",
    "PERSON.0@CONTOSO.COM",
    " ",
    "\t",
    "a&b=c",
    "+",
    ";",
)
ODD_BODIES = (
    b"",
    b" ",
    b"{",
    b"[]",
    b"null",
    b"true",
    b"0",
    b'""',
    b"{}{}",
    b"\xff\xfe",
    b"\x00",
    b'{"users": "a@b.c"}',
    b"[[]]",
    b'{"users": {"a": 1}}',
    b'{"users": [[]]}',
    b'{"users": [null]}',
    b'{"users": []}',
    b'{"users": ["\\u0000\\u0000\\u0000"]}',
    b'{"users": ["\\ud800abc"]}',
    b'{"users": ["   "]}',
    b'{"users": ["a@b.c/../../groups"]}',
    b'{"all": 1}',
    b'{"all": "true"}',
    b'{"all": true, "all": false}',
    b'{"all": 1e999}',
    b'{"group": "x"}',
    b'{"group": 5}',
    b'{"force": NaN}',
    b'{"reason": 7}',
    b'{"reason": "\\u0000"}',
    b'{"action": "erase"}',
    b'{"value": {}}',
    b'{"value": "x"}',
    b'{"value": [1, null, "x", [], {}]}',
    b'{"value": [{"clientState": {"a": 1}}]}',
    b'{"value": [{"clientState": "\\ud800"}]}',
    b'{"view": "x"}',
    b'{"text": "' + b"x" * 300 + b'"}',
    b'{"view": "user", "id": "\\u0000"}',
    b'{"view": "run", "id": "../x", "kind": "sweep"}',
    b'{"view": "home", "place": "~e30"}',
    b'{"__proto__": {}}',
    b'\xef\xbb\xbf{"all": true}',
    b"9" * 5_000,
    DEEP.encode(),
    json.dumps({"users": ["x" * 10_000]}).encode(),
    json.dumps({"users": ["abc"] * 1001}).encode(),
)
ODD_HEADERS: tuple[dict[str, str], ...] = (
    {},
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/xml"},
    {"Content-Type": "multipart/form-data"},
    {"Content-Type": "application/json; charset=utf-16"},
    {"Content-Type": ""},
    {"x-photosync-page": "?" * 100},
    {"x-ms-client-principal": "!!!"},
    {"x-ms-client-principal": "e30="},
    {"traceparent": "00-zzz"},
    {"traceparent": "x" * 4_000},
    {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
    {"Accept": "image/webp;q=x"},
    {"Range": "bytes=0-"},
    {"Authorization": "Bearer x"},
    {"If-None-Match": "*"},
    {"X-Forwarded-For": "'"},
    {"Cookie": "a=b; a=c"},
)
_texts = st.sampled_from(ODD_TEXTS) | st.text(min_size=1, max_size=60)
_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_headers = st.sampled_from(ODD_HEADERS)
_bodies = st.sampled_from(ODD_BODIES) | st.binary(max_size=200) | _json.map(lambda value: json.dumps(value).encode())


class Hostile:
    """One such request."""

    def __init__(self, path: str, body: bytes | None, headers: dict[str, str]) -> None:
        """`path`: with its query, ready to be sent."""
        self.path, self.body, self.headers = path, body, headers

    def _repr_pretty_(self, printer: Any, _cycle: object) -> None:
        """For Hypothesis, which would print nothing else of it."""
        printer.text(repr(self))

    def __repr__(self) -> str:
        """The request, shortened."""
        return f"Hostile({self.path[:300]!r}, {(self.body or b'')[:300]!r}, {str(self.headers)[:100]})"


@st.composite
def hostile(draw: st.DrawFn, path: str, operation: dict[str, Any]) -> Hostile:
    """A request to an operation of the description."""
    parameters = operation.get("parameters", [])
    for given in parameters:
        if given["in"] == "path":
            path = path.replace(f"{{{given['name']}}}", _quoted(draw(_texts)))
    names = [given["name"] for given in parameters if given["in"] == "query"] or ["x"]
    examples = [str(given["example"]) for given in parameters] or ["x"]
    asked = [
        (draw(st.sampled_from(names) | _texts), draw(_texts | st.sampled_from(examples)))
        for _ in range(draw(st.integers(0, 3)))
    ]
    query = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in asked)
    body = draw(_bodies if "requestBody" in operation else st.none() | _bodies)
    # Mostly with the headers that a route wants: what is refused at the door shows nothing of what is behind it.
    wanted = {given["name"]: str(given["example"]) for given in parameters if given["in"] == "header"}
    headers = {**(wanted if draw(st.sampled_from([True, True, True, False])) else {}), **draw(_headers)}
    return Hostile(path + (f"?{query}" if query else ""), body, headers)


def _quoted(text: str) -> str:
    # Dots are quoted too: a client would take ".." out of the path before it sends it.
    return quote(text.encode(errors="surrogatepass"), safe="").replace(".", "%2E")
