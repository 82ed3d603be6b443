"""Graph's permissions, each by using it: a list of one user, one photo's metadata, a group's first member."""

from http import HTTPStatus

from shared.answers import failure_of
from shared.failures import Failure, FailureCode
from shared.gates import Service
from shared.graph import BatchItem, photo_of
from status_page.health import permissions
from status_page.health.check_tokens import refused, usable
from status_page.health.findings import Finding, failed, of_failure, passed, skipped, warning
from status_page.health.kit import Kit

NO_TOKEN = "There is no token to ask with: mend that first."  # noqa: S105 - a sentence, no secret


def check_users(kit: Kit) -> Finding:
    """User.Read.All: one user of the list; and the test user, when a setting names one."""
    host = kit.settings.cloud.endpoints.graph
    if not usable(kit, host):
        return skipped(NO_TOKEN)
    try:
        users = kit.graph().users_page(None, size=1).users
        named = kit.test_user() if kit.settings.test_user else None
    except Failure as failure:
        return refused(failure, kit, host, permissions.GRAPH, permissions.READ_USERS)
    if not users:
        return warning(
            "Graph lists no user at all.", "Check that PHOTOSYNC_TENANT_ID is the tenant that people are in."
        )
    found = "Graph lists users with the properties that the app asks for."
    if kit.settings.test_user and named is None:
        return failed(
            f"{found} But it knows no such user as PHOTOSYNC_TEST_USER names.",
            "Set PHOTOSYNC_TEST_USER to the object id or user principal name of a user who exists, or remove it.",
        )
    return passed(found)


def check_photos(kit: Kit) -> Finding:
    """ProfilePhoto.Read.All: the metadata of one photo."""
    host = kit.settings.cloud.endpoints.graph
    if not usable(kit, host):
        return skipped(NO_TOKEN)
    person = kit.person()
    if person is None:
        return skipped("Nobody is known whose photo could be asked for.")
    try:
        (answer,) = kit.graph().batch([BatchItem(f"/users/{person.key}/photo")])
        if answer.status in {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}:
            return of_failure(failure_of(Service.GRAPH, answer, kit.clock.now()))
        photo = photo_of(answer)
    except Failure as failure:
        return refused(failure, kit, host, permissions.GRAPH, permissions.READ_PHOTOS)
    who = "the test user" if person.is_test_user else "somebody"
    if photo is not None:
        return passed(f"Graph told the version of {who}'s photo.")
    how = "404" if answer.status == HTTPStatus.NOT_FOUND else "a photo of 1x1"
    return passed(f"Graph let the app ask for {who}'s photo; there is none, which it says by {how}.")


def check_groups(kit: Kit) -> Finding:
    """GroupMember.Read.All: the first member of each group that the settings name."""
    host = kit.settings.cloud.endpoints.graph
    named = {
        "PHOTOSYNC_SCOPE_GROUP": kit.settings.scope_group,
        "PHOTOSYNC_EXCLUDE_GROUP": kit.settings.exclude_group,
    }
    groups = {setting: group for setting, group in named.items() if group}
    if not groups:
        return skipped("No setting names a group. A job may; then GroupMember.Read.All is needed.")
    if not usable(kit, host):
        return skipped(NO_TOKEN)
    for setting, group in groups.items():
        try:
            members = kit.graph().users_page(None, group, size=1).users
        except Failure as failure:
            if failure.status == HTTPStatus.NOT_FOUND and failure.code is FailureCode.REQUEST_REFUSED:
                return failed(
                    f"Graph knows no such group as {setting} names.",
                    f"Set {setting} to the object id of a group that exists (Entra admin centre, Groups) or remove it.",
                    failure.request_id,
                )
            return refused(failure, kit, host, permissions.GRAPH, permissions.READ_GROUPS)
        if not members and setting == "PHOTOSYNC_SCOPE_GROUP":
            return warning(
                "The group that PHOTOSYNC_SCOPE_GROUP names has no members: nobody is in scope.",
                "Add people to the group, name another one, or remove the setting so that everybody is in scope.",
            )
    return passed(f"Graph lists the members of {' and of '.join(groups)}.")
