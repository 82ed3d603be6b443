"""Files and folders of the simulated SharePoint, in the shapes of the real one."""

import json

import pytest

from simulated_tenant import sharepoint
from tests.simulated_tenant.sharepoint_desk import (
    ADMIN,
    MINIMAL,
    MY,
    PICTURES,
    VERBOSE,
    Desk,
    error_of,
    file_address,
    folder_address,
)

WEB = f"{MY}/_api/web"


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_folders_are_listed_with_the_properties_asked_for(desk: Desk) -> None:
    """The documented request for the sub-folders of the library gives the documented answer."""
    listed = desk.get(f"{folder_address('/User Photos')}/Folders?$select=Name,ServerRelativeUrl")
    assert listed == {
        "value": [
            {"Name": "Forms", "ServerRelativeUrl": "/User Photos/Forms"},
            {"Name": "Profile Pictures", "ServerRelativeUrl": "/User Photos/Profile Pictures"},
        ]
    }
    assert desk.operation == "sharepoint.folder.list"


def test_folder_object_has_the_documented_properties(desk: Desk) -> None:
    """A whole folder has what clients read from it, with an id that stays."""
    folder = desk.get(folder_address())
    assert {"Exists", "ItemCount", "Name", "ProgID", "ServerRelativeUrl", "UniqueId", "WelcomePage"} <= set(folder)
    assert folder == desk.get(folder_address())


@pytest.mark.parametrize(
    ("folders", "seen"),
    [((), ["Forms"]), (("Profielafbeeldingen",), ["Forms", "Profielafbeeldingen"]), (("A", "B"), ["A", "B", "Forms"])],
)
def test_picture_folder_may_be_missing_localised_or_doubtful(folders: tuple[str, ...], seen: list[str]) -> None:
    """Provisioning gives each state that a real tenant can be in."""
    desk = Desk()
    sharepoint.provision(desk.tenant, desk.geo, folders)
    listed = desk.get(f"{folder_address('/User Photos')}/Folders")
    assert [folder["Name"] for folder in listed["value"]] == seen


def test_upload_answers_with_the_file(desk: Desk) -> None:
    """A first upload is version 1.0; Length is text; the ETag holds the UniqueId and its own quotation marks."""
    file = desk.upload("x_MThumb.jpg", b"12345")
    assert file["Length"] == "5"
    assert (file["UIVersion"], file["UIVersionLabel"], file["MajorVersion"]) == (512, "1.0", 1)
    assert file["ETag"] == f'"{{{file["UniqueId"].upper()}}},2"'
    assert file["ServerRelativeUrl"] == f"{PICTURES}/x_MThumb.jpg"
    assert len(file) == 23
    assert desk.operation == "sharepoint.file.add"


def test_overwriting_keeps_the_file_and_raises_its_version(desk: Desk) -> None:
    """The same name, in whatever case, is the same file: id and name stay, version and ETag move on."""
    first = desk.upload("Name.jpg", b"1")
    second = desk.upload("NAME.JPG", b"22")
    assert (second["UniqueId"], second["Name"]) == (first["UniqueId"], "Name.jpg")
    assert (second["UIVersionLabel"], second["Length"]) == ("2.0", "2")
    assert second["ETag"] != first["ETag"]


def test_overwriting_must_be_asked_for(desk: Desk) -> None:
    """An existing name without overwrite is refused with SharePoint's code, and nothing changes."""
    desk.upload("x.jpg", b"old")
    call = "/Files/AddUsingPath(DecodedUrl='x.jpg',Overwrite=false)"
    answer = desk.ask("POST", folder_address() + call, body=b"new")
    assert error_of(answer) == (400, "-2130575257, Microsoft.SharePoint.SPException")
    assert desk.ask("GET", f"{file_address(f'{PICTURES}/x.jpg')}/$value").body == b"old"


@pytest.mark.parametrize(
    "call",
    [
        "Files/AddUsingPath(DecodedUrl='x.jpg',Overwrite=true)",
        "files/addusingpath(decodedurl='x.jpg',overwrite=TRUE)",
        "Files/AddUsingPath(Overwrite=true,DecodedUrl=@a1)?@a1='x.jpg'",
        "Files/AddUsingPath(DecodedUrl=@A1,Overwrite=@a2)?@a1=%27x.jpg%27&@a2=true",
        "Files/AddUsingPath(DecodedUrl=%27x.jpg%27%2COverwrite%3Dtrue)",
        "Files/Add(url='x.jpg',overwrite=true)",
        "Files/Add(overwrite=true,url='x.jpg')",
        "Files/Add('x.jpg',true)",
        "Files/Add(url='/User%20Photos/Profile%20Pictures/x.jpg',overwrite=true)",
        "Files/add(Content='',url=@u,Overwrite=true)?@u='x.jpg'",
    ],
)
def test_every_published_upload_form_is_the_same_upload(desk: Desk, call: str) -> None:
    """Both methods, in any case and order, with aliases or without, quotes plain or encoded, replace the file."""
    desk.upload("x.jpg", b"old")
    assert desk.post(f"{folder_address()}/{call}", body=b"newer")["Length"] == "5"
    assert desk.operation == "sharepoint.file.add"
    assert desk.ask("GET", f"{file_address(f'{PICTURES}/x.jpg')}/$value").body == b"newer"


@pytest.mark.parametrize(
    "address",
    [
        "GetFileByServerRelativePath(DecodedUrl='/User Photos/Profile Pictures/x.jpg')",
        "getfilebyserverrelativepath(decodedurl=@f)?@f='/user photos/profile pictures/X.JPG'",
        "GetFileByServerRelativePath(DecodedUrl='%2FUser%20Photos%2FProfile%20Pictures%2Fx.jpg')",
        "GetFileByServerRelativePath(DecodedUrl=%27/User%20Photos/Profile%20Pictures/x.jpg%27)",
        "GetFileByServerRelativePath%28DecodedUrl%3D%27/User%20Photos/Profile%20Pictures/x.jpg%27%29",
        "GetFileByServerRelativeUrl('/User%20Photos/Profile%20Pictures/x.jpg')",
        "GetFileByServerRelativeUrl(@f)?@f='/User%2520Photos/Profile%20Pictures/x.jpg'",
        "GetFolderByServerRelativeUrl('User Photos/Profile Pictures')/Files('x.jpg')",
        "GetFolderByServerRelativeUrl('/User Photos')/Folders('Profile Pictures')/Files/GetByUrl('x.jpg')",
        "Folders/GetByPath(DecodedUrl='User Photos')/Folders/GetByUrl('Profile Pictures')/Files('x.jpg')",
        "Lists/GetByTitle('User Photos')/RootFolder/Folders('Profile Pictures')/Files('x.jpg')",
        "GetList('/User Photos')/RootFolder/Folders('Profile Pictures')/Files/GetByPath(DecodedUrl='x.jpg')",
    ],
)
def test_every_published_address_form_finds_the_file(desk: Desk, address: str) -> None:
    """However a client writes the way to a file, it is the same file."""
    file = desk.upload("x.jpg")
    found = desk.get(f"{WEB}/{address}".replace(" ", "%20"))
    assert (found["UniqueId"], desk.operation) == (file["UniqueId"], "sharepoint.file.get")


def test_file_is_found_by_its_id(desk: Desk) -> None:
    """GetFileById takes the UniqueId."""
    file = desk.upload("x.jpg")
    assert desk.get(f"{WEB}/GetFileById('{file['UniqueId']}')?$select=Name") == {"Name": "x.jpg"}
    assert desk.get(f"{WEB}/GetFileById(guid'{file['UniqueId']}')?$select=Name") == {"Name": "x.jpg"}


def test_missing_things_have_their_own_codes(desk: Desk) -> None:
    """A missing folder, file and list are told apart, and a file in a missing folder is a missing folder."""
    missing_folder = (404, "-2147024894, System.IO.FileNotFoundException")
    assert error_of(desk.ask("GET", folder_address("/User Photos/None"))) == missing_folder
    assert error_of(desk.ask("GET", f"{folder_address('/None')}/Folders")) == missing_folder
    assert error_of(desk.ask("GET", file_address("/None/x.jpg"))) == missing_folder
    assert (
        error_of(desk.ask("GET", f"{ADMIN}/_api/web/GetFolderByServerRelativePath(DecodedUrl='%2FUser%20Photos')"))
        == missing_folder
    )
    missing_file = desk.ask("GET", file_address(f"{PICTURES}/x.jpg"))
    assert error_of(missing_file) == (404, "-2130575338, Microsoft.SharePoint.SPException")
    assert "The file /User Photos/Profile Pictures/x.jpg does not exist." in missing_file.body.decode()
    missing_list = desk.ask("GET", f"{WEB}/lists/getbytitle('Nothing')/RootFolder/Folders")
    assert error_of(missing_list) == (404, "-1, System.ArgumentException")
    assert (
        "List 'Nothing' does not exist at site with URL 'https://contoso-my.sharepoint.com'."
        in missing_list.body.decode()
    )


def test_method_override_removes_the_file(desk: Desk) -> None:
    """POST with X-HTTP-Method: DELETE is the operation `sharepoint.file.delete`, and answers 200 without a body."""
    desk.upload("x.jpg")
    answer = desk.ask("POST", file_address(f"{PICTURES}/x.jpg"), headers={"x-http-method": "DELETE", "if-match": "*"})
    assert (answer.status, answer.body, desk.operation) == (200, b"", "sharepoint.file.delete")
    assert desk.ask("GET", file_address(f"{PICTURES}/x.jpg")).status == 404


def test_removal_of_another_version_is_refused(desk: Desk) -> None:
    """If-Match with an old ETag is 412; with the present one the file goes."""
    old = desk.upload("x.jpg")["ETag"]
    new = desk.upload("x.jpg")["ETag"]
    address = file_address(f"{PICTURES}/x.jpg")
    assert desk.ask("DELETE", address, headers={"if-match": old}).status == 412
    assert desk.ask("DELETE", address, headers={"if-match": new}).status == 200


def test_recycled_file_is_in_the_bin(desk: Desk) -> None:
    """Recycling answers with the item's id, under which the file is kept; a later upload is a new file."""
    file = desk.upload("x.jpg", b"1")
    item = desk.post(f"{file_address(f'{PICTURES}/x.jpg')}/recycle()")["value"]
    folder, kept = desk.geo.recycle_bin[item]
    assert (folder, kept.content, desk.operation) == (PICTURES, b"1", "sharepoint.file.recycle")
    assert desk.upload("x.jpg")["UniqueId"] != file["UniqueId"]


@pytest.mark.parametrize(
    "call",
    [
        "AddSubFolderUsingPath(DecodedUrl='New')",
        "AddSubFolderUsingPath(DecodedUrl=@a2)?@a2=%27New%27",
        "AddSubFolder('New')",
        "Folders/Add('New')",
        "Folders/AddUsingPath(DecodedUrl='New')",
        "Folders/AddUsingPath(DecodedUrl='/User%20Photos/New',overwrite=false)",
    ],
)
def test_folder_is_created_in_every_published_form(desk: Desk, call: str) -> None:
    """Each form creates the folder and answers with it; doing it again is harmless."""
    created = desk.post(f"{folder_address('/User Photos')}/{call}")
    assert created["ServerRelativeUrl"] == "/User Photos/New"
    assert desk.post(f"{folder_address('/User Photos')}/{call}")["UniqueId"] == created["UniqueId"]


@pytest.mark.parametrize("body", [{"leafPath": {"DecodedUrl": "New #1"}}, {"leafName": "New #1"}])
def test_folder_is_created_from_parameters_in_the_body(desk: Desk, body: dict[str, object]) -> None:
    """Clients that put the parameters of AddSubFolderUsingPath into the body get the folder too."""
    created = desk.post(f"{folder_address('/User Photos')}/AddSubFolderUsingPath", body)
    assert created["ServerRelativeUrl"] == "/User Photos/New #1"


def test_older_methods_take_a_path_for_an_encoded_url(desk: Desk) -> None:
    """Names with % and # are out of the string-based methods' reach: they decode once more and drop the fragment."""
    desk.upload("50%25 off#1.jpg")
    path = f"{PICTURES}/50%25 off#1.jpg".replace("%", "%25").replace("#", "%23").replace(" ", "%20")
    assert desk.ask("GET", f"{WEB}/GetFileByServerRelativePath(DecodedUrl='{path}')").status == 200
    assert desk.ask("GET", f"{WEB}/GetFileByServerRelativeUrl('{path}')").status == 404
    added = desk.post(f"{folder_address()}/Files/Add(url='a%2520b%23c.jpg',overwrite=true)")
    assert added["Name"] == "a b"


@pytest.mark.parametrize(
    "name", ['a"b', "a*b", "a:b", "a<b", "a>b", "a?b", "a|b", "a\\b", "CON", "~$x", " x", "x.", "_vti_x"]
)
def test_names_that_sharepoint_forbids_are_refused(desk: Desk, name: str) -> None:
    """No file gets a name that the real library would not take."""
    with pytest.raises(AssertionError, match="-2130575245"):
        desk.upload(name)
    assert desk.get(f"{folder_address()}/Files") == {"value": []}


def test_verbose_answers_wrap_everything(desk: Desk) -> None:
    """With odata=verbose: `d`, `results`, `__metadata`, deferred links, and errors below `error`."""
    desk.upload("x.jpg")
    file = desk.get(file_address(f"{PICTURES}/x.jpg"), VERBOSE)["d"]
    assert file["__metadata"]["type"] == "SP.File"
    assert file["ListItemAllFields"]["__deferred"]["uri"].endswith("/ListItemAllFields")
    (listed,) = desk.get(f"{folder_address()}/Files", VERBOSE)["d"]["results"]
    assert listed["UniqueId"] == file["UniqueId"]
    refused = json.loads(desk.ask("GET", folder_address("/None"), accept=VERBOSE).body)
    assert refused["error"]["message"] == {"lang": "en-US", "value": "File Not Found."}


def test_minimal_metadata_names_types_and_links(desk: Desk) -> None:
    """Plain application/json is minimalmetadata."""
    desk.upload("x.jpg")
    for accept in (MINIMAL, "application/json"):
        file = desk.get(file_address(f"{PICTURES}/x.jpg"), accept)
        assert (file["odata.type"], file["odata.etag"]) == ("SP.File", file["ETag"])


def test_without_json_in_accept_the_answer_is_atom(desk: Desk) -> None:
    """A client that forgets the Accept header gets XML, as it would from SharePoint."""
    answer = desk.ask("GET", folder_address(), accept="*/*")
    assert answer.headers["content-type"].startswith("application/atom+xml")
    assert b"<d:Name>Profile Pictures</d:Name>" in answer.body
    refused = desk.ask("GET", folder_address("/None"), accept="")
    assert b"<m:code>-2147024894, System.IO.FileNotFoundException</m:code>" in refused.body


def test_what_is_selected_and_filtered_must_exist(desk: Desk) -> None:
    """Query options work on properties that exist, and others are refused rather than ignored."""
    folders = f"{folder_address('/User Photos')}/Folders"
    assert desk.get(f"{folders}?$filter=Name%20ne%20'Forms'&$select=Name") == {"value": [{"Name": "Profile Pictures"}]}
    assert len(desk.get(f"{folders}?$top=1")["value"]) == 1
    assert desk.get(f"{folders}?$skip=1&$top=9&$select=Name") == {"value": [{"Name": "Profile Pictures"}]}
    for option in (
        "$select=Nonsense",
        "$filter=Nonsense eq 1",
        "$expand=Files",
        "$top=x",
        "$filter=startswith(Name,'F')",
    ):
        assert desk.ask("GET", f"{folders}?{option}").status == 400, option


def test_paths_nobody_serves(desk: Desk) -> None:
    """Unknown entry points, expressions and pages are refused in SharePoint's three ways."""
    client = "-1, Microsoft.SharePoint.Client"
    assert error_of(desk.ask("GET", f"{MY}/_api/SP.Nothing")) == (404, f"{client}.ResourceNotFoundException")
    assert error_of(desk.ask("GET", f"{MY}/_api/web/nothing")) == (400, f"{client}.InvalidClientQueryException")
    assert error_of(desk.ask("GET", f"{MY}/_api/contextinfo")) == (405, f"{client}.ClientServiceException")
    assert b"404 FILE NOT FOUND" in desk.ask("GET", f"{MY}/nothing").body


def test_site_and_digest(desk: Desk) -> None:
    """What clients ask first: the site's title, and a form digest in both shapes that they read."""
    assert desk.get(f"{MY}/_api/web?$select=Title,Url") == {"Title": "My Site Host", "Url": MY}
    assert desk.post(f"{ADMIN}/_api/contextinfo")["FormDigestTimeoutSeconds"] == 1800
    verbose = desk.post(f"{ADMIN}/_api/contextInfo", accept=VERBOSE)
    assert verbose["d"]["GetContextWebInformation"]["WebFullUrl"] == ADMIN
