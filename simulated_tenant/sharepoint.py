"""SharePoint's door: the table of its operations, and what the dispatcher and the control API ask of this service."""

from simulated_tenant import (
    sharepoint_files,
    sharepoint_people_manager,
    sharepoint_process_query,
    sharepoint_site,
)
from simulated_tenant.sharepoint_access import authorize
from simulated_tenant.sharepoint_calls import new_operations
from simulated_tenant.sharepoint_errors import (
    error_answer,
    finish,
    invalid_query,
    method_not_allowed,
    resource_missing,
)
from simulated_tenant.sharepoint_formats import format_of
from simulated_tenant.sharepoint_library import provision
from simulated_tenant.sharepoint_paths import plain_syntax
from simulated_tenant.sharepoint_picture import picture_of, target_file, target_of
from simulated_tenant.state import Tenant
from simulated_tenant.wire import Answer, Received

__all__ = [
    "OPERATIONS",
    "authorize",
    "error_answer",
    "finish",
    "picture_of",
    "provision",
    "target_file",
    "target_of",
    "unknown_path",
]

OPERATIONS = new_operations()
OPERATIONS.include(sharepoint_process_query.OPERATIONS)
OPERATIONS.include(sharepoint_people_manager.OPERATIONS)
OPERATIONS.include(sharepoint_files.OPERATIONS)
OPERATIONS.include(sharepoint_site.OPERATIONS)


def unknown_path(
    tenant: Tenant,  # noqa: ARG001 - the dispatcher calls every service alike
    received: Received,
) -> Answer:
    """SharePoint's answer where nothing serves: below `/_api` an error in the caller's format, elsewhere a page."""
    path = plain_syntax(received.path)
    if not path.lower().startswith("/_api/"):
        page = "<html><head><title>404 FILE NOT FOUND</title></head><body>404 FILE NOT FOUND</body></html>"
        return Answer(404, page.encode(), {"content-type": "text/html; charset=utf-8"})
    resource = path[len("/_api/") :]
    if OPERATIONS.knows_path(received.path):
        error = method_not_allowed(received.method, resource)
    elif resource.lower().startswith("web/"):
        error = invalid_query(f'The expression "{resource}" is not valid.')
    else:
        error = resource_missing(resource.partition("/")[0])
    return error.as_answer(format_of(received.headers.get("accept", "")))
