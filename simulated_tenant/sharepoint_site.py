"""The operations around files and profiles: site, libraries, form digests, the redirect to a person's picture."""

from uuid import NAMESPACE_URL, uuid5

from simulated_tenant.sharepoint_access import Need
from simulated_tenant.sharepoint_calls import LIBRARY_VERSION, Call, new_operations, serve
from simulated_tenant.sharepoint_errors import invalid_query, list_missing
from simulated_tenant.sharepoint_files import WEB
from simulated_tenant.sharepoint_formats import Complex, Entity
from simulated_tenant.sharepoint_library import Folder, files_in, find_folder, subfolders
from simulated_tenant.sharepoint_paths import ARGUMENTS, split
from simulated_tenant.sharepoint_profiles import PICTURE, STATE, account_of, find_profile, properties_of
from simulated_tenant.wire import Answer

OPERATIONS = new_operations()


_PIXELS = {"S": "SThumb", "M": "MThumb", "L": "LThumb"}


@serve(OPERATIONS, "sharepoint.contextinfo", "POST", r"/_api/ContextInfo(?:\(\))?", Need.NOTHING)
def context_info(call: Call) -> Answer:
    """A form digest, which clients with a token may send and need not."""
    digest = f"0x{call.received.request_id.replace('-', '').upper()},{call.received.at:%d %b %Y %H:%M:%S} -0000"
    information = {
        "FormDigestTimeoutSeconds": 1800,
        "FormDigestValue": digest,
        "LibraryVersion": LIBRARY_VERSION,
        "SiteFullUrl": call.site,
        "WebFullUrl": call.site,
    }
    return call.value("GetContextWebInformation", Complex("SP.ContextWebInformation", information))


@serve(OPERATIONS, "sharepoint.web.get", "GET", WEB, Need.NOTHING)
def get_web(call: Call) -> Answer:
    """The site itself; enough for clients that begin by asking where they are."""
    titles = {"my": "My Site Host", "admin": "Tenant Admin", "": "Communication site"}
    templates = {"my": "SPSMSITEHOST", "admin": "TENANTADMIN", "": "SITEPAGEPUBLISHING"}
    properties = {
        "Id": str(uuid5(NAMESPACE_URL, f"{call.tenant.tenant_id}/{call.received.host}")),
        "Language": 1033,
        "ServerRelativeUrl": "/",
        "Title": titles[call.place],
        "Url": call.site,
        "WebTemplate": templates[call.place],
    }
    return call.one(Entity("SP.Web", "Web", properties, links=("Folders", "Lists", "RootFolder")))


def _list_entity(call: Call, folder: Folder) -> Entity:
    identity = str(folder.unique_id)
    below = [folder, *subfolders(call.tenant, call.geo, folder)]
    properties = {
        "BaseTemplate": 109,
        "Hidden": False,
        "Id": identity,
        "ItemCount": sum(len(files_in(call.geo, part)) for part in below) + len(below) - 1,
        "Title": folder.name,
    }
    return Entity("SP.List", f"Web/Lists(guid'{identity}')", properties, links=("Items", "RootFolder"))


def _libraries(call: Call) -> list[Folder]:
    return subfolders(call.tenant, call.geo, find_folder(call.tenant, call.geo, "/")) if call.place == "my" else []


@serve(OPERATIONS, "sharepoint.list.list", "GET", rf"{WEB}/Lists", Need.FILES_READ)
def get_lists(call: Call) -> Answer:
    """The libraries of the site."""
    return call.many([_list_entity(call, folder) for folder in _libraries(call)], "SP.ApiData.Lists")


@serve(OPERATIONS, "sharepoint.list.get", "GET", rf"{WEB}(?P<list>/Lists/GetByTitle{ARGUMENTS})", Need.FILES_READ)
def get_list(call: Call) -> Answer:
    """One library, by its title."""
    title = call.steps("list")[-1].arguments.text("title")
    for folder in _libraries(call):
        if folder.name.lower() == title.lower():
            return call.one(_list_entity(call, folder))
    raise list_missing(title, call.site)


@serve(OPERATIONS, "sharepoint.userphoto", "GET", r"/_layouts/15/userphoto\.aspx", Need.PROFILES_READ)
def user_photo(call: Call) -> Answer:
    """The redirect that web parts use: to the file of the wanted size, or to the silhouette."""
    query = {name.lower(): value for name, value in call.received.query.items()}
    size = query.get("size", "S").upper()
    if size not in _PIXELS:
        raise invalid_query(f"The size {size} is not one of S, M and L.")
    name = query.get("accountname", "")
    profile = find_profile(call.tenant, name if "|" in name else account_of(name))
    properties = {} if profile is None else properties_of(call.tenant, profile)
    picture = properties.get(PICTURE, "")
    silhouette = f"{call.site}/_layouts/15/images/PersonPlaceholder.200x150x32.png"
    if not picture or properties.get(STATE) == "1":
        return Answer(302, headers={"Location": silhouette})
    folder, file = split(picture.partition("://")[2])
    address = f"{picture.partition('://')[0]}:/{folder}/{file.replace('MThumb', _PIXELS[size])}"
    return Answer(302, headers={"Location": address})
