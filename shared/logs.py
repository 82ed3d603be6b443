"""The log: one line for each thing that matters, with a name, a sentence and fields.

    SharePoint has the new picture. event=copied correlation=0af7651916cd43dd8448eb211c80319c milliseconds=812 ...

The fields stand in the text because that is all of a record that the Functions host passes on to Application Insights;
handlers that can read more find the same in the record's attributes.
At info and above no line holds personal data, and no object id, which stands for a person: the correlation id leads to
the history, which says whose photo it was. Object ids are told at debug.
Source: Azure/azure-functions-python-worker, issues 788 and 1681.
"""

import logging
from typing import Self

from shared.correlation import correlation_id
from shared.told import Told

QUIET = {
    "azure.core": logging.WARNING,
    "azure.data": logging.WARNING,
    "azure.identity": logging.WARNING,
    "azure.monitor": logging.WARNING,
    "azure.storage": logging.WARNING,
    "msal": logging.WARNING,
    "opentelemetry": logging.WARNING,
    "requests": logging.WARNING,
    "urllib3": logging.ERROR,
}
"""From which level on libraries are heard. At info they tell every request with its address, which names a user; so
does a warning of urllib3 when it tries again."""


class Happened(Told):
    """What the log tells of: the name of the event, and the sentence that its line begins with."""

    level: int

    def __new__(cls, event: str, sentence: str, level: int = logging.INFO) -> Self:
        """A member is its name; sentence and level hang on it."""
        member = str.__new__(cls, event)
        member._value_ = event
        member.sentence, member.level = sentence, level
        return member

    DELIVERY_JUDGED = "delivery_judged", "Graph's notifications were judged."
    DELIVERY_NOT_STORED = "delivery_not_stored", "Graph's notifications were not stored; Graph is told.", logging.ERROR
    DELIVERY_NOT_RECORDED = "delivery_not_recorded", "The record of a delivery was not written.", logging.WARNING
    UNKNOWN_LIFECYCLE_EVENT = (
        "unknown_lifecycle_event",
        "Graph says something of the subscription that the app does not know.",
        logging.WARNING,
    )
    EVENTS_QUEUED = "events_queued", "Photo events are on the queue."
    JOB_BEGUN = "job_begun", "A job begins."
    SWEEP_BEGUN = "sweep_begun", "A sweep begins."
    SWEEP_NOT_BEGUN = "sweep_not_begun", "No sweep begins now."
    SWEEP_ABANDONED = "sweep_abandoned", "A sweep made no progress; another begins in its place.", logging.WARNING
    JOB_REVIVED = "job_revived", "A job had not come on; it is set going again.", logging.WARNING
    RUN_LISTED = "run_listed", "All users of a sweep or job are listed."
    RUN_FAILED = "run_failed", "The users of a sweep or job could not be listed.", logging.ERROR
    CHECK_DONE = "check_done", "Users were checked."
    CHECK_DEFERRED = "check_deferred", "A check waits until it is tried again."
    CHECK_FAILED = "check_failed", "Users could not be checked.", logging.ERROR
    COPIED = "copied", "SharePoint has the new picture."
    CLEARED = "cleared", "The picture of a removed photo was cleared."
    RESTORED = "restored", "SharePoint has the picture properties from before the app's first write."
    SKIPPED = "skipped", "There was nothing to write."
    DEFERRED = "deferred", "A photo waits until it is tried again."
    FAILED = "failed", "A photo could not be copied.", logging.ERROR
    POISON = "poison", "The host gave up on a message.", logging.ERROR
    UNREADABLE_MESSAGE = "unreadable_message", "A message on the queue cannot be read; it is kept.", logging.ERROR
    NOT_ALL_PUT_BACK = "not_all_put_back", "Not all unreadable messages could be put back.", logging.ERROR
    GATE_CLOSED = "gate_closed", "A service asked for a pause: nobody calls it until then.", logging.WARNING
    GATE_NOT_SHARED = "gate_not_shared", "Other instances could not be told of a pause.", logging.WARNING
    GATE_NOT_READ = "gate_not_read", "The pauses that other instances know of could not be read.", logging.WARNING
    BREAKER_OPENED = "breaker_opened", "Nearly everything fails; photos wait until a probe works.", logging.ERROR
    BREAKER_CLOSED = "breaker_closed", "A service works again; photos are looked at as usual.", logging.WARNING
    SUBSCRIPTION_VALID = "subscription_valid", "The subscription was created, found or renewed."
    SUBSCRIPTION_DELETED = "subscription_deleted", "A subscription of ours that is not needed is deleted."
    SUBSCRIPTION_TROUBLE = "subscription_trouble", "The subscription could not be looked after.", logging.WARNING
    SUBSCRIPTION_BUSY = (
        "subscription_busy",
        "Another run looks after the subscription; this one ends.",
        logging.WARNING,
    )
    LIFECYCLE_EVENTS = "lifecycle_events", "Graph says something of the subscription."
    SWEEP_ASKED_FOR = "sweep_asked_for", "A sweep is asked for, because notifications may be lost.", logging.WARNING
    UNEXPECTED = "unexpected", "Something went wrong that nobody expected; the host tries again.", logging.ERROR
    MEASURES_NOT_WRITTEN = "measures_not_written", "The hour's measures were not written yet.", logging.WARNING
    STORAGE_AWAY = "storage_away", "A request could not be served: Storage did not answer.", logging.ERROR
    NOT_LET_IN = "not_let_in", "Somebody was not let in."
    ACTION_NOT_RECORDED = "action_not_recorded", "What somebody did could not be written down.", logging.WARNING
    PRUNED = "pruned", "What is older than it is kept for was removed."
    PROBE_NOT_TAKEN_BACK = "probe_not_taken_back", "A write probe could not be taken back.", logging.WARNING
    PAUSED = "paused", "The app is paused: nothing is checked and nothing copied.", logging.WARNING
    RESUMED = "resumed", "The app goes on after a pause.", logging.WARNING
    TALLY_FAILED = "tally_failed", "Users could not be counted.", logging.WARNING
    PAGE_FAILED = "page_failed", "The page could not be shown: Storage did not answer.", logging.WARNING


type Value = str | float | None


def tell(log: logging.Logger, happened: Happened, *, level: int | None = None, **fields: Value) -> None:
    """Write the line. Fields that are None are left out. `level`: another than the event's own."""
    level = happened.level if level is None else level
    if not log.isEnabledFor(level):
        return
    told = {"event": str(happened), "correlation": correlation_id(), **fields}
    told = {name: value for name, value in told.items() if value is not None}
    text = " ".join(f"{name}={_in_one_word(value)}" for name, value in told.items())
    log.log(level, "%s %s", happened.sentence, text, extra=told, stacklevel=2)


def quieten_libraries() -> None:
    """Let libraries say only what has gone wrong, whatever the level of everything else."""
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)


def _in_one_word(value: Value) -> str:
    """A value that a query can take out again: quoted when it holds more than one word; never more than one line."""
    text = " ".join(str(value).split())
    return '"' + text.replace('"', "'") + '"' if not text or " " in text or '"' in text else text
