"""Control: SharePoint's own rules, its limit of PeopleManager calls, and the state of the picture library."""

from typing import Any

from simulated_tenant import sharepoint
from simulated_tenant.control import Asked, Problem, Routes, World, done
from simulated_tenant.sharepoint_library import LIBRARY, find_folder, subfolders
from simulated_tenant.sharepoint_profiles import recent_calls
from simulated_tenant.state import Geo
from simulated_tenant.wire import Answer

ROUTES = Routes()


@ROUTES.add("GET", "/sharepoint")
def show(world: World, _: Asked) -> Answer:
    """The rules; and for each geo its sub-folders of `User Photos` and the PeopleManager calls of five minutes."""
    tenant, rules = world.tenant, world.tenant.sharepoint

    def of_geo(geo: Geo) -> dict[str, Any]:
        folders = subfolders(tenant, geo, find_folder(tenant, geo, LIBRARY)) if LIBRARY in geo.folders else []
        return {
            "name": geo.name,
            "location": geo.location,
            "folders": [folder.name for folder in folders],
            "peopleManagerCalls": recent_calls(geo, tenant.now()),
            "recycled": len(geo.recycle_bin),
        }

    return done(
        {
            "profilesNeedFullControl": rules.profiles_need_full_control,
            "selectedSites": rules.selected_sites,
            "peopleManagerLimit": rules.people_manager_limit,
            "geos": [of_geo(geo) for geo in tenant.geos],
        }
    )


@ROUTES.add("POST", "/sharepoint")
def change(world: World, asked: Asked) -> Answer:
    """Change rules: `{"profilesNeedFullControl"?, "selectedSites"? {app: read or write}, "peopleManagerLimit"?}`."""
    fields = asked.fields("profilesNeedFullControl", "selectedSites", "peopleManagerLimit")
    rules = world.tenant.sharepoint
    sites = fields.get("selectedSites", rules.selected_sites)
    if not isinstance(sites, dict) or set(sites.values()) - {"read", "write"}:
        raise Problem('selectedSites is wanted as {"<client id>": "read" or "write"}.')
    limit = fields.get("peopleManagerLimit", rules.people_manager_limit)
    if not isinstance(limit, int) or limit < 1:
        raise Problem("peopleManagerLimit is wanted as a whole number from 1 on.")
    rules.selected_sites, rules.people_manager_limit = sites, limit
    rules.profiles_need_full_control = bool(fields.get("profilesNeedFullControl", rules.profiles_need_full_control))
    return show(world, asked)


@ROUTES.add("POST", "/sharepoint/library")
def provision(world: World, asked: Asked) -> Answer:
    """Provision `User Photos` anew, empty: `{"pictureFolders": [names], "geo"? name}`; no names: no photo ever."""
    fields = asked.fields("pictureFolders", "geo")
    folders = fields.get("pictureFolders")
    if not isinstance(folders, list):
        raise Problem("pictureFolders is wanted as a list of names; it may be empty.")
    name = str(fields.get("geo") or world.tenant.central_geo().name).lower()
    geo = next((geo for geo in world.tenant.geos if geo.name == name), None)
    if geo is None:
        raise Problem(f"No geo {name!r}. Known: {', '.join(geo.name for geo in world.tenant.geos)}.", 404)
    sharepoint.provision(world.tenant, geo, [str(folder) for folder in folders])
    return show(world, asked)
