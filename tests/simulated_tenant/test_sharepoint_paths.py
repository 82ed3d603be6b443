"""Names in addresses: whatever a person or a folder may be called survives the way there and back."""

import string
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulated_tenant import sharepoint
from simulated_tenant.sharepoint_paths import PathMalformedError, arguments, from_string_url, plain_syntax, segments
from tests.simulated_tenant.sharepoint_desk import MY, Desk, file_address, folder_address, literal

_LETTERS = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters='"*:<>?/\\|')
NAMES = (
    st.text(st.one_of(_LETTERS, st.sampled_from("%#'+&=,()@ ~{}$;!éßжの字ع😀")), min_size=1, max_size=30)
    .map(lambda name: f"a{name}b")
    .filter(lambda name: "_vti_" not in name.lower() and name == name.strip())
)
"""Any name that SharePoint takes."""

_UNRESERVED = string.ascii_letters + string.digits + "-_.~"


@st.composite
def encodings(draw: st.DrawFn, text: str) -> str:
    """A string in an address, each character that may be plain encoded or not, as clients differ."""
    plain = draw(st.sampled_from(["", "/", "/'(),@=!$&*+;:", "'"]))
    return quote(text.replace("'", "''"), safe=plain)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), folder=NAMES, name=NAMES, content=st.binary(max_size=40), aliased=st.booleans())
def test_any_name_survives_upload_list_and_read(
    data: st.DataObject, folder: str, name: str, content: bytes, aliased: bool
) -> None:
    """Uploaded by path under any name into a folder of any name, a file is listed under it and read back equal."""
    desk = Desk()
    sharepoint.provision(desk.tenant, desk.geo, [folder])
    path = f"/User Photos/{folder}"
    address = f"{MY}/_api/web/GetFolderByServerRelativePath(DecodedUrl='{data.draw(encodings(path))}')"
    if aliased:
        uploaded = desk.post(
            f"{address}/Files/AddUsingPath(DecodedUrl=@a1,Overwrite=true)?@a1='{literal(name)}'", body=content
        )
    else:
        encoded = data.draw(encodings(name))
        uploaded = desk.post(f"{address}/Files/AddUsingPath(DecodedUrl='{encoded}',Overwrite=true)", body=content)
    assert uploaded["Name"] == name
    (listed,) = desk.get(f"{folder_address(path)}/Files")["value"]
    assert listed["ServerRelativeUrl"] == f"{path}/{name}"
    assert desk.ask("GET", f"{file_address(listed['ServerRelativeUrl'])}/$value").body == content


@settings(max_examples=100, deadline=None)
@given(name=NAMES.filter(lambda name: "%" not in name and "#" not in name), content=st.binary(max_size=40))
def test_older_forms_take_any_name_without_percent_and_hash(name: str, content: bytes) -> None:
    """The string-based methods do the same, as long as the name has neither % nor #."""
    desk = Desk()
    folder = f"{MY}/_api/web/GetFolderByServerRelativeUrl('/User%20Photos/Profile%20Pictures')"
    uploaded = desk.post(f"{folder}/Files/Add(url='{literal(name)}',overwrite=true)", body=content)
    assert uploaded["Name"] == name
    address = f"{MY}/_api/web/GetFileByServerRelativeUrl('{literal(uploaded['ServerRelativeUrl'])}')"
    assert desk.ask("GET", f"{address}/$value").body == content
    again = desk.post(f"{folder}/Files/AddUsingPath(DecodedUrl='{literal(name)}',Overwrite=true)", body=content)
    assert again["UniqueId"] == uploaded["UniqueId"]


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("'a,=()@/% #"), max_size=12))
def test_a_value_cannot_end_its_own_quotes(text: str) -> None:
    """A doubled quotation mark never ends the value, whatever stands around it."""
    found = segments(plain_syntax(f"/Folder(DecodedUrl='{literal(text)}',Overwrite=true)/Files"), {})
    assert [step.name for step in found] == ["folder", "files"]
    assert found[0].arguments.text("DecodedUrl") == text
    assert found[0].arguments.flag("Overwrite", default=False) is True


@pytest.mark.parametrize("text", ["DecodedUrl='a'b'", "DecodedUrl='a", "DecodedUrl=@missing", "='a'"])
def test_arguments_that_cannot_be_read_are_refused(text: str) -> None:
    """Quotes that do not pair and aliases without a value are errors, not guesses."""
    with pytest.raises(PathMalformedError):
        arguments(text, {})


def test_quote_that_is_not_doubled_is_an_error_for_the_client() -> None:
    """The classic mistake, a person called O'Neill in an address, gets no answer with a file."""
    answer = Desk().ask("GET", f"{MY}/_api/web/GetFileByServerRelativePath(DecodedUrl='/User%20Photos/O'Neill.jpg')")
    assert answer.status in {400, 404}
    assert b"InvalidClientQueryException" in answer.body


@pytest.mark.parametrize("quotes", [4000, 4001])
def test_runs_of_quotation_marks_take_no_time(quotes: int) -> None:
    """However many there are, they are read once; whether they pair decides."""
    run = "'" * quotes
    answer = Desk().ask("GET", f"{MY}/_api/web/GetFileByServerRelativePath(DecodedUrl={run})")
    assert answer.status == (404 if quotes % 2 == 0 else 400)


@pytest.mark.parametrize(
    ("url", "path"),
    [("/a b", "/a b"), ("/a%20b", "/a b"), ("/a#b", "/a"), ("/100%", "/100%"), ("/50%25", "/50%")],
)
def test_string_urls(url: str, path: str) -> None:
    """What the older methods read: encoded or not, up to the fragment."""
    assert from_string_url(url) == path
