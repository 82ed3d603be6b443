"""Control: users, their photos, groups and geos; and what SharePoint shows of a user."""

import base64
import binascii
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from simulated_tenant import pictures, seed, sharepoint
from simulated_tenant.control import Asked, Problem, Routes, World, done, fields_of, find_user, user_of
from simulated_tenant.state import ChangeKind, NoPhotoShape, Tenant, User
from simulated_tenant.wire import Answer

ROUTES = Routes()
_SETTABLE = {
    "userPrincipalName": "upn",
    "displayName": "display_name",
    "mail": "mail",
    "accountEnabled": "account_enabled",
    "userType": "user_type",
    "preferredDataLocation": "preferred_data_location",
    "hasProfile": "has_profile",
    "softDeleted": "soft_deleted",
}
_FIELDS = ("id", *_SETTABLE, "noPhotoShape", "properties", "photo", "photoContentType")


@ROUTES.add("GET", "/users")
def list_users(world: World, asked: Asked) -> Answer:
    """The users; `?deleted=true` shows soft-deleted ones too."""
    every = asked.flag("deleted")
    return done([_shown(user) for user in world.tenant.users.values() if every or not user.soft_deleted])


@ROUTES.add("POST", "/users")
def add_users(world: World, asked: Asked) -> Answer:
    """Add one user (an object) or many (a list); `userPrincipalName` alone is enough, `photo` is base64."""
    body = asked.json()
    several = isinstance(body, list)
    tenant = world.tenant
    taken = {user.upn.lower() for user in tenant.users.values()}
    made = [_new_user(tenant, fields_of(item, *_FIELDS), taken) for item in (body if several else [body])]
    for user in made:
        tenant.users[user.id] = user
        tenant.record_change(user.id, ChangeKind.CREATED)
    shown = [_shown(user) for user in made]
    return done(shown if several else shown[0], 201)


@ROUTES.add("GET", "/users/{user}")
def show_user(world: World, asked: Asked) -> Answer:
    """One user."""
    return done(_shown(user_of(world, asked)))


@ROUTES.add("PATCH", "/users/{user}")
def change_user(world: World, asked: Asked) -> Answer:
    """Change fields of a user; Graph notifies of it. `softDeleted: false` restores a deleted one."""
    tenant = world.tenant
    user = tenant.users.get(asked.groups["user"].lower()) or user_of(world, asked)
    fields = asked.fields(*_FIELDS[1:-2])
    was_deleted = user.soft_deleted
    _apply(user, fields)
    deleted = user.soft_deleted and not was_deleted
    tenant.record_change(user.id, ChangeKind.SOFT_DELETED if deleted else ChangeKind.UPDATED)
    return done(_shown(user))


@ROUTES.add("DELETE", "/users/{user}")
def delete_user(world: World, asked: Asked) -> Answer:
    """Delete a user softly, or with `?permanent=true` for good."""
    tenant = world.tenant
    user = tenant.users.get(asked.groups["user"].lower()) or user_of(world, asked)
    if asked.flag("permanent"):
        del tenant.users[user.id]
        for members in tenant.groups.values():
            members[:] = [member for member in members if member != user.id]
        tenant.record_change(user.id, ChangeKind.PURGED)
    else:
        user.soft_deleted = True
        tenant.record_change(user.id, ChangeKind.SOFT_DELETED)
    return done()


@ROUTES.add("GET", "/users/{user}/photo")
def show_photo(world: World, asked: Asked) -> Answer:
    """The bytes of the photo as they were put; the media ETag is in the ETag header."""
    photo = user_of(world, asked).photo
    if photo is None:
        raise Problem("The user has no photo.", 404)
    return Answer(200, photo.content, {"content-type": photo.content_type, "ETag": f'"{photo.media_etag}"'})


@ROUTES.add("PUT", "/users/{user}/photo")
def put_photo(world: World, asked: Asked) -> Answer:
    """Give the user a photo: the raw bytes, kept as they are, with the Content-Type given."""
    if not asked.received.body:
        raise Problem("The body is empty; send the photo's bytes. DELETE removes a photo.")
    user = user_of(world, asked)
    content_type = asked.received.headers.get("content-type", "image/jpeg")
    user.photo = pictures.photo_of(asked.received.body, content_type, world.tenant.now())
    world.tenant.record_change(user.id, ChangeKind.PHOTO)
    return done(_shown_photo(user))


@ROUTES.add("DELETE", "/users/{user}/photo")
def remove_photo(world: World, asked: Asked) -> Answer:
    """Take the user's photo away."""
    user = user_of(world, asked)
    user.photo = None
    world.tenant.record_change(user.id, ChangeKind.PHOTO)
    return done()


@ROUTES.add("POST", "/users/{user}/photo/etag")
def change_etag(world: World, asked: Asked) -> Answer:
    """Change the photo's ETags without changing its bytes; no notification."""
    user = user_of(world, asked)
    if user.photo is None:
        raise Problem("The user has no photo.", 404)
    user.photo = replace(user.photo, media_etag=pictures.new_etag())
    return done(_shown_photo(user))


@ROUTES.add("GET", "/users/{user}/target")
def show_target(world: World, asked: Asked) -> Answer:
    """What SharePoint now shows of the user: profile properties, files with hashes and sizes."""
    return done(sharepoint.target_of(world.tenant, user_of(world, asked)))


@ROUTES.add("GET", "/users/{user}/target/{size}")
def show_target_file(world: World, asked: Asked) -> Answer:
    """The bytes of one of the three pictures that SharePoint shows of the user: S, M or L."""
    content = sharepoint.target_file(world.tenant, user_of(world, asked), asked.groups["size"].upper())
    if content is None:
        raise Problem("SharePoint shows no such picture of the user.", 404)
    return Answer(200, content, {"content-type": "image/jpeg"})


@ROUTES.add("GET", "/picture")
def show_picture(world: World, asked: Asked) -> Answer:
    """The user's thumbnails in SharePoint as one PNG, to look at: `?user=`."""
    user = find_user(world.tenant, asked.received.query.get("user", ""))
    return Answer(200, sharepoint.picture_of(world.tenant, user), {"content-type": "image/png"})


@ROUTES.add("GET", "/groups")
def list_groups(world: World, _: Asked) -> Answer:
    """The groups with their members."""
    tenant = world.tenant
    return done([_shown_group(tenant, group) for group in tenant.groups])


@ROUTES.add("POST", "/groups")
def put_group(world: World, asked: Asked) -> Answer:
    """Make a group, or replace the members of the one with this id; members are user ids, UPNs or group ids."""
    tenant = world.tenant
    fields = asked.fields("id", "displayName", "members")
    group = str(fields.get("id") or uuid4()).lower()
    members = [
        str(key).lower() if str(key).lower() in tenant.groups else find_user(tenant, str(key)).id
        for key in fields.get("members", [])
    ]
    tenant.groups[group] = list(dict.fromkeys(members))
    tenant.group_names[group] = str(fields.get("displayName") or tenant.group_names.get(group, f"Group {group[:4]}"))
    return done(_shown_group(tenant, group), 201)


@ROUTES.add("DELETE", "/groups/{group}")
def delete_group(world: World, asked: Asked) -> Answer:
    """Remove a group."""
    if world.tenant.groups.pop(asked.groups["group"].lower(), None) is None:
        raise Problem("No such group. GET /groups lists them.", 404)
    return done()


@ROUTES.add("GET", "/geos")
def list_geos(world: World, _: Asked) -> Answer:
    """The geos, the central one first."""
    return done([{"name": geo.name, "location": geo.location} for geo in world.tenant.geos])


@ROUTES.add("POST", "/geos")
def new_geo(world: World, asked: Asked) -> Answer:
    """Add a geo: `name` as in `name-my.sharepoint.com`, `location` as in `preferredDataLocation`."""
    fields = asked.fields("name", "location")
    if not fields.get("name") or not fields.get("location"):
        raise Problem("name and location are wanted, such as contosoeur and EUR.")
    seed.add_geo(world.tenant, str(fields["name"]).lower(), str(fields["location"]).upper())
    return done(status=201)


def _new_user(tenant: Tenant, fields: dict[str, Any], taken: set[str]) -> User:
    upn = str(fields.get("userPrincipalName") or "")
    if "@" not in upn:
        raise Problem("userPrincipalName is wanted, such as adele@contoso.com.")
    if upn.lower() in taken:
        raise Problem(f"{upn} exists already; PATCH /users/{upn} changes it.", 409)
    taken.add(upn.lower())
    user = User(upn, upn.partition("@")[0], mail=upn)
    if "id" in fields:
        user.id = _guid(fields["id"])
        if user.id in tenant.users:
            raise Problem(f"The id {user.id} is taken.", 409)
    _apply(
        user,
        {name: value for name, value in fields.items() if name in _SETTABLE or name in {"noPhotoShape", "properties"}},
    )
    if fields.get("photo"):
        try:
            content = base64.b64decode(fields["photo"], validate=True)
        except (binascii.Error, TypeError):
            raise Problem("photo is wanted as base64.") from None
        user.photo = pictures.photo_of(content, str(fields.get("photoContentType", "image/jpeg")), tenant.now())
    return user


def _guid(value: Any) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError:
        raise Problem(f"id {value!r} is no GUID.") from None


def _apply(user: User, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        if name == "noPhotoShape":
            try:
                user.no_photo_shape = NoPhotoShape(value)
            except ValueError:
                raise Problem("noPhotoShape is 1x1 or 404.") from None
        elif name == "properties":
            user.properties |= fields_of(value, *value)
        else:
            setattr(user, _SETTABLE[name], value)


def _shown(user: User) -> dict[str, Any]:
    shown = {name: getattr(user, attribute) for name, attribute in _SETTABLE.items()}
    photo = _shown_photo(user)
    return (
        {"id": user.id} | shown | {"noPhotoShape": user.no_photo_shape, "properties": user.properties, "photo": photo}
    )


def _shown_photo(user: User) -> dict[str, Any] | None:
    photo = user.photo
    if photo is None:
        return None
    return {
        "mediaEtag": photo.media_etag,
        "contentType": photo.content_type,
        "bytes": len(photo.content),
        "width": photo.width,
        "height": photo.height,
    }


def _shown_group(tenant: Tenant, group: str) -> dict[str, Any]:
    return {"id": group, "displayName": tenant.group_names.get(group, ""), "members": tenant.groups[group]}
