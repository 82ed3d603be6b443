"""Eight users, each looked at up to another point of the way from the queue to SharePoint; then the process is killed.

The points are held from outside, by silence of the tenant or of Storage; nothing in the app knows of them.
"""

from shared.words import QUEUE_OF_CHECKS
from tests.reliability.running_app import RunningApp, photo
from tests.waiting import eventually

POINTS = (
    "message taken",
    "lease taken",
    "metadata read",
    "bytes read",
    "in mid-upload",
    "uploaded",
    "properties written",
    "status written",
)
"""The last: the message is not deleted yet. CSOM's answer tells that the properties are set; nothing is read back."""
_SILENT = "60"
"""Seconds, which nobody waits for: the kill comes first."""
_HELD_BY_STORAGE = 3
OLD, NEW = 1, 2


def hold(app: RunningApp, point: str, user: str) -> None:
    """Let the next look at this user stop at the point."""
    hang, stall = f"hang:{_SILENT}", f"stall:{_SILENT}"
    match point:
        case "message taken":
            app.proxy.fault("table.get", hang, match=f"photostatus & {user}")
        case "lease taken":
            app.control.fault("graph.batch", stall, match=user)
        case "metadata read":
            app.control.fault("graph.photo.value", stall, match=user)
        case "bytes read":
            app.proxy.fault("table.update", hang, match=f'{user} & "copying"')
        case "in mid-upload":
            app.control.fault("sharepoint.file.add", "ok", stall, match=user)
        case "uploaded":
            app.control.fault("sharepoint.file.add", "ok", "ok", stall, match=user)
        case "properties written":
            upn = str(app.control.user(user)["userPrincipalName"])
            app.control.fault("sharepoint.process_query", stall, match=upn)
        case "status written":
            app.proxy.fault("queue.delete", hang, match="photo-changes")
        case _:
            raise ValueError(point)


def kill_at_every_point(app: RunningApp) -> dict[str, str]:
    """One kill with eight users at the eight points; gives the points whose users were not in step in the end, and why.

    All eight had an older photo in step before.
    """
    put_back = app.waiting()
    users = app.people(len(POINTS), seed=OLD)
    app.tell_of_each(users)
    eventually(lambda: all(app.in_step_with(user, OLD) for user in users), within=30, what="all in step")
    # Not only done, but deleted: the next deletion will be held.
    eventually(lambda: app.waiting() <= put_back, what="an empty queue")
    for point, user in zip(POINTS, users, strict=True):
        app.control.put_photo(user, photo(NEW))
        hold(app, point, user)
    app.tell_of_each(users)
    eventually(lambda: _all_held(app), within=30, what="eight users at their points")
    assert app.in_step_with(users[-1], NEW)
    app.kill()
    app.proxy.clear_faults()
    app.control.clear_faults()
    app.start()

    def late() -> dict[str, str]:
        of = dict(zip(POINTS, users, strict=True))
        return {point: str(app.row(user)) for point, user in of.items() if not app.in_step_with(user, NEW)}

    try:
        eventually(lambda: not late(), within=30)
    except AssertionError:
        return late()
    return {}


BURST_POINTS = {
    "message taken": ("tenant", "graph.batch"),
    "photo events put": ("storage", "queue.delete"),
}
"""Where a process is killed over a burst, and by whose silence it is held there."""


def kill_over_a_burst(app: RunningApp, point: str) -> list[str]:
    """One kill with twenty users of one notification on their way; gives those who were not in step in the end."""
    users = app.people(20, seed=OLD)
    app.tell(users)
    eventually(lambda: all(app.in_step_with(user, OLD) for user in users), within=60, what="all in step")
    for user in users:
        app.control.put_photo(user, photo(NEW))
    where, operation = BURST_POINTS[point]
    if where == "tenant":
        app.control.fault(operation, f"stall:{_SILENT}", match=users[0])
        held = lambda: bool(app.control.faults()["completed"])  # noqa: E731
    else:
        app.proxy.fault(operation, f"hang:{_SILENT}", match=QUEUE_OF_CHECKS)
        held = lambda: app.proxy.completed  # noqa: E731
    app.tell(users)
    eventually(held, within=30, what="the burst at its point")
    app.kill()
    app.proxy.clear_faults()
    app.control.clear_faults()
    app.start()

    def late() -> list[str]:
        return [user for user in users if not app.in_step_with(user, NEW)]

    try:
        eventually(lambda: not late(), within=60)
    except AssertionError:
        return late()
    return []


def _all_held(app: RunningApp) -> bool:
    return app.proxy.waiting == _HELD_BY_STORAGE and app.proxy.completed and bool(app.control.faults()["completed"])
