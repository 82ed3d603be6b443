"""Graph: the photos of users.

https://learn.microsoft.com/graph/api/profilephoto-get. Sizes above the uploaded photo have the shape of no photo.
`If-None-Match` is ignored: it is undocumented, and was reported to have no effect.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from simulated_tenant import graph, pictures
from simulated_tenant.state import NoPhotoShape, Photo, Tenant, User
from simulated_tenant.wire import Answer, Operations, Received, Refused

OPERATIONS = Operations(graph.HOST)
_USER = r"/v1\.0/users/(?P<user>[^/]+)"
_VALUE = r"(?:\$|%24)value"
_SIZE = r"(?P<size>\d+x\d+)"


def _no_image(received: Received) -> Refused:
    message = "Exception of type 'Microsoft.Fast.Profile.Core.Exception.ImageNotFoundException' was thrown."
    return graph.refused(received, 404, "ImageNotFound", message)


def _user(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> User:
    """The user whose photo is asked for; one who does not exist looks like one without a photo."""
    graph.require(tenant, received, graph.READ_PHOTOS, photo=True)
    user = tenant.find_user(unquote(groups["user"]))
    if user is None:
        raise _no_image(received)
    return user


def _metadata(tenant: Tenant, user: User, photo: Photo, width: int, height: int) -> dict[str, Any]:
    return {
        "@odata.id": f"{graph.root(tenant)}/users('{user.id}@{tenant.tenant_id}')/photo",
        "@odata.mediaContentType": photo.content_type,
        "@odata.mediaEtag": f'"{photo.media_etag}"',
        "id": f"{width}x{height}",
        "width": width,
        "height": height,
    }


def _entity(tenant: Tenant, user: User, metadata: Mapping[str, Any], path: str = "photo") -> Answer:
    context = graph.context(tenant, f"users('{user.id}')/{path}/$entity")
    return graph.of_json({"@odata.context": context} | dict(metadata))


def _none(tenant: Tenant, received: Received, user: User) -> Answer:
    """The metadata of no photo, in the one of two shapes that the user has."""
    if user.no_photo_shape is NoPhotoShape.NOT_FOUND:
        raise _no_image(received)
    one_by_one = {
        "@odata.id": f"{graph.root(tenant)}/users('{user.id}@{tenant.tenant_id}')/photo",
        "@odata.mediaContentType": "image/gif",
        "@odata.mediaEtag": "",
        "id": "1x1",
        "width": 1,
        "height": 1,
    }
    return _entity(tenant, user, one_by_one)


@OPERATIONS.add("graph.photo.metadata", "GET", _USER + "/photo")
def metadata(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Answer:
    """Metadata of the largest photo."""
    user = _user(tenant, received, groups)
    photo = user.photo
    if photo is None:
        return _none(tenant, received, user)
    return _entity(tenant, user, _metadata(tenant, user, photo, photo.width, photo.height))


@OPERATIONS.add("graph.photo.value", "GET", _USER + "/photo/" + _VALUE)
def value(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Answer:
    """Bytes of the largest photo, as they were put."""
    photo = _user(tenant, received, groups).photo
    if photo is None:
        raise _no_image(received)
    return Answer(200, photo.content, {"content-type": photo.content_type, "ETag": pictures.value_etag(photo)})


@OPERATIONS.add("graph.photo.sizes", "GET", _USER + "/photos")
def sizes(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Answer:
    """Metadata of every size that there is."""
    user = _user(tenant, received, groups)
    photo = user.photo
    found = [] if photo is None else [_metadata(tenant, user, photo, size, size) for size in pictures.offered(photo)]
    return graph.of_json({"@odata.context": graph.context(tenant, f"users('{user.id}')/photos"), "value": found})


@OPERATIONS.add("graph.photo.size.metadata", "GET", _USER + "/photos/" + _SIZE)
def size_metadata(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Answer:
    """Metadata of one size."""
    user = _user(tenant, received, groups)
    photo, size = user.photo, _offered_size(user, groups)
    if photo is None or size is None:
        return _none(tenant, received, user)
    return _entity(tenant, user, _metadata(tenant, user, photo, size, size), "photos")


@OPERATIONS.add("graph.photo.size.value", "GET", _USER + "/photos/" + _SIZE + "/" + _VALUE)
def size_value(tenant: Tenant, received: Received, groups: Mapping[str, str]) -> Answer:
    """Bytes of one size: really that size, as JPEG."""
    user = _user(tenant, received, groups)
    photo, size = user.photo, _offered_size(user, groups)
    if photo is None or size is None:
        raise _no_image(received)
    headers = {"content-type": "image/jpeg", "ETag": pictures.value_etag(photo)}
    return Answer(200, pictures.resized(photo, size), headers)


def _offered_size(user: User, groups: Mapping[str, str]) -> int | None:
    width, height = (int(number) for number in groups["size"].lower().split("x"))
    offered = [] if user.photo is None else pictures.offered(user.photo)
    return width if width == height and width in offered else None
