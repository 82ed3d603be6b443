"""SharePoint's permissions, each by using it: somebody's profile is read, the picture library is listed.

Reading proves the way in. That writing is allowed is told by the token's roles here, and proven by `?probe=write`.
"""

from shared.failures import Failure, FailureCode
from shared.picture_names import Hosts, account_name
from status_page.health import permissions
from status_page.health.check_graph import NO_TOKEN
from status_page.health.check_tokens import refused, usable
from status_page.health.findings import Finding, failed, passed, skipped, warning
from status_page.health.kit import Kit
from status_page.health.permissions import Permission


def check_profiles(kit: Kit) -> Finding:
    """User.ReadWrite.All: the profile of somebody, on the administration host."""
    person = kit.person()
    hosts = person.hosts if person else kit.central
    if not usable(kit, hosts.admin):
        return skipped(NO_TOKEN)
    if person is None:
        return skipped("Nobody is known whose profile could be read.")
    return _profile(kit, hosts, person.upn, expected="the test user" if person.is_test_user else "")


def check_files(kit: Kit, hosts: Hosts) -> Finding:
    """Sites.ReadWrite.All: the folders of the library `User Photos`, on the My Site host."""
    if not usable(kit, hosts.my):
        return skipped(NO_TOKEN)
    try:
        kit.learned.folders[hosts.my] = kit.sharepoint(hosts).folders()
    except Failure as failure:
        if failure.code is not FailureCode.PICTURE_FOLDER_UNCLEAR:
            return refused(failure, kit, hosts.my, permissions.SHAREPOINT, permissions.WRITE_FILES)
        kit.learned.folders[hosts.my] = []
        found = f"SharePoint let the app in on {hosts.my}, but there is no library User Photos yet."
    else:
        found = f"The library User Photos on {hosts.my} can be listed."
    return _or_cannot_write(kit, hosts.my, permissions.WRITE_FILES, found)


def check_folder(kit: Kit, hosts: Hosts) -> Finding:
    """The one folder that pictures go into."""
    if (names := kit.learned.folders.get(hosts.my)) is None:
        return skipped("The library could not be listed: mend that first.")
    code, named = FailureCode.PICTURE_FOLDER_UNCLEAR, kit.settings.picture_folder
    if named:
        if named.lower() in {name.lower() for name in names}:
            return passed(f"Pictures go into User Photos/{named} on {hosts.my}, as PHOTOSYNC_PICTURE_FOLDER says.")
        return warning(
            f"There is no folder User Photos/{named} on {hosts.my}. Found: {', '.join(sorted(names)) or 'none'}.",
            "The app makes it with the first picture. If one of the others is SharePoint's own, name that in "
            "PHOTOSYNC_PICTURE_FOLDER, or remove the setting.",
        )
    if len(names) == 1:
        return passed(f"Pictures go into User Photos/{names[0]} on {hosts.my}.")
    return failed(f"{code.sentence} Found: {', '.join(sorted(names)) or 'none'}.", code.remedy)


def check_geo(kit: Kit, hosts: Hosts) -> Finding:
    """Both permissions on the hosts of one location of a multi-geo tenant."""
    from status_page.health.check_tokens import check_sharepoint_token

    for host in (hosts.admin, hosts.my):
        token = check_sharepoint_token(kit, host)
        if not usable(kit, host):
            return token
    files = check_files(kit, hosts)
    if files.verdict != "passed":
        return files
    folder = check_folder(kit, hosts)
    if folder.verdict != "passed":
        return folder
    person = kit.person()
    if person is None:
        return skipped(f"{folder.found} Nobody is known whose profile could be read on {hosts.admin}.")
    profiles = _profile(kit, hosts, person.upn, expected="")
    return profiles if profiles.verdict != "passed" else passed(f"{folder.found} {profiles.found}")


def _profile(kit: Kit, hosts: Hosts, upn: str, *, expected: str) -> Finding:
    """Read one profile. `expected`: who must have one; empty when it may be missing."""
    try:
        profile = kit.sharepoint(hosts).profile(account_name(upn))
    except Failure as failure:
        return refused(failure, kit, hosts.admin, permissions.SHAREPOINT, permissions.WRITE_PROFILES)
    if profile is None and expected:
        code = FailureCode.NO_TARGET_PROFILE
        return warning(f"SharePoint let the app in on {hosts.admin}, but has no profile of {expected}.", code.remedy)
    found = f"SharePoint let the app read profiles on {hosts.admin}."
    if profile is None:
        found += " The person looked at has none there."
    return _or_cannot_write(kit, hosts.admin, permissions.WRITE_PROFILES, found)


def _or_cannot_write(kit: Kit, host: str, permission: Permission, found: str) -> Finding:
    """Reading worked: passed, unless the token says that writing will not."""
    claims = kit.learned.claims[host]
    if permission.is_in(claims.roles):
        return passed(found)
    remedy = permissions.how_to_grant(
        permissions.SHAREPOINT, [permission.role], kit.settings.credential, claims.principal
    )
    return failed(f"{found} But the token lacks {permission.role}, which writing needs.", remedy)
