"""Route templates: what they match, what they take from a path, and which one wins."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local_run.functions_host.routes import Route, Router, Template

_TEXTS = st.text(min_size=1, max_size=12)
_NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)


@pytest.mark.parametrize(
    ("template", "path", "values"),
    [
        ("api/sync", "/api/sync", {}),
        ("api/sync", "/API/Sync/", {}),
        ("api/sync", "/api/sync/1", None),
        ("api/sync", "/api", None),
        ("api/sync", "/api//sync", None),
        ("api/sync/{job}", "/api/sync/4%2F2%20x", {"job": "4%2F2 x"}),
        ("api/sync/{job}", "/api/sync", None),
        ("api/status/{user?}", "/api/status", {}),
        ("api/status/{user?}", "/api/status/a@b.example", {"user": "a@b.example"}),
        ("api/page/{n=1}", "/api/page", {"n": "1"}),
        ("api/page/{n=1}", "/api/page/7", {"n": "7"}),
        ("files/{*rest}", "/files/a/b.txt", {"rest": "a/b.txt"}),
        ("files/{*rest}", "/files", {}),
        ("{name}.csv", "/status.csv", {"name": "status"}),
        ("{name}.csv", "/.csv", None),
        ("v{major:int}.{minor:int}", "/v1.20", {"major": "1", "minor": "20"}),
        ("p/{id:int}", "/p/12", {"id": "12"}),
        ("p/{id:int}", "/p/12a", None),
        ("p/{id:int}", "/p/99999999999", None),
        ("p/{id:long}", "/p/99999999999", {"id": "99999999999"}),
        ("p/{id:guid}", "/p/6f9619ff-8b86-d011-b42d-00cf4fc964ff", {"id": "6f9619ff-8b86-d011-b42d-00cf4fc964ff"}),
        ("p/{id:guid}", "/p/6f9619ff", None),
        ("p/{id:bool}", "/p/True", {"id": "True"}),
        ("p/{id:double}", "/p/-1.5e3", {"id": "-1.5e3"}),
        ("p/{id:alpha}", "/p/abc1", None),
        ("p/{id:length(3)}", "/p/abcd", None),
        ("p/{id:length(2,4)}", "/p/abcd", {"id": "abcd"}),
        ("p/{id:minlength(2):maxlength(3)}", "/p/abcd", None),
        ("p/{id:range(1,5)}", "/p/6", None),
        ("p/{id:min(3)}", "/p/3", {"id": "3"}),
        (r"p/{id:regex(^\d{3}-\d{2}$)}", "/p/123-45", {"id": "123-45"}),
        (r"p/{id:regex(^\d{3}$)}", "/p/1234", None),
        ("p/{id:int?}", "/p", {}),
    ],
)
def test_matching(template: str, path: str, values: dict[str, str] | None) -> None:
    """Each documented form of a template takes from a path what Azure takes from it."""
    assert Template.parse(template).match(path) == values


@given(st.lists(st.tuples(st.booleans(), _NAMES, _TEXTS), min_size=1, max_size=5, unique_by=lambda part: part[1]))
def test_what_is_put_into_a_path_comes_out_of_it(parts: list[tuple[bool, str, str]]) -> None:
    """Any text, percent-encoded into a path, is the value that the function gets; literals match in any case."""
    parts = [(is_value, name.replace("-", "_") if is_value else name, text) for is_value, name, text in parts]
    template = "/".join(f"{{{name}}}" if is_value else name for is_value, name, _text in parts)
    path = "/" + "/".join(quote(text, safe="") if is_value else name.upper() for is_value, name, text in parts)
    # A slash inside a value stays encoded, as it does in Azure.
    expected = {name: text.replace("/", "%2F") for is_value, name, text in parts if is_value}
    assert Template.parse(template).match(path) == expected


@given(st.lists(_NAMES, min_size=1, max_size=4), st.lists(_NAMES, min_size=1, max_size=4))
def test_literals_match_only_themselves(template: list[str], path: list[str]) -> None:
    """A template without values matches exactly its own path."""
    assert (Template.parse("/".join(template)).match("/" + "/".join(path)) is not None) == (template == path)


@given(st.permutations(["status", "{user:guid}", "{name}.csv", "{user}", "{*rest}"]))
def test_the_more_particular_route_wins(order: list[str]) -> None:
    """Whatever the order of declaration: first a literal, then a constrained value, then a value, then the rest."""
    router = Router([Route(Template.parse(f"api/{text}"), frozenset(), text) for text in order])
    found = {
        path: hit[0] if (hit := router.find("GET", path)) else None
        for path in (
            "/api/STATUS",
            "/api/6f9619ff-8b86-d011-b42d-00cf4fc964ff",
            "/api/status.csv",
            "/api/someone",
            "/api/a/b",
            "/elsewhere",
        )
    }
    assert list(found.values()) == ["status", "{user:guid}", "{name}.csv", "{user}", "{*rest}", None]


def test_the_method_decides_between_equal_routes() -> None:
    """Two functions may share a route when their methods differ; a method that none of them has finds nothing."""
    template = Template.parse("api/users")
    router = Router([Route(template, frozenset({"GET"}), "list"), Route(template, frozenset({"POST", "PUT"}), "write")])
    assert router.find("GET", "/api/users") == ("list", {})
    assert router.find("PUT", "/api/users") == ("write", {})
    assert router.find("HEAD", "/api/users") is None


@pytest.mark.parametrize(
    "template",
    ["{*rest}/more", "{a?}/b", "x{a?}", "{a", "a}", "{a:nothing}", "{a:length(x)}", "{a:range(1)}"],
)
def test_bad_templates_are_refused(template: str) -> None:
    """A template that cannot be meant is refused when the host starts, not when a request comes."""
    with pytest.raises(ValueError, match=r"route|literal|invalid"):
        Template.parse(template)
