"""Retry: failed users are looked at anew, as a job; messages that nobody could read go back on their queue."""

import logging
from typing import Self

import azure.functions as func
from azure.core.exceptions import AzureError
from pydantic import model_validator

from shared.logs import Happened, tell
from shared.pace import AT_ONCE
from shared.photo_queue import MessageQueue
from shared.problem import json_answer, problem
from shared.runs import Users
from shared.services import Services
from shared.spans import span
from shared.words import QUEUE_OF_CHANGES, QUEUE_OF_CHECKS, UserState
from sync_trigger.answer_shapes import PutBack
from sync_trigger.request_bodies import RequestBody, read_body
from sync_trigger.start_job import UserKeys, Wanted, start_known, start_listed, start_named

UNREADABLE = "unreadable-message "
"""What the names of Control's rows with such messages begin with."""
_log = logging.getLogger("photosync.retry")


class RetryRequest(RequestBody):
    """The body of `POST /api/retry`: exactly one of `users`, `all` and `poison`."""

    users: UserKeys | None = None
    """Object ids or user principal names."""
    all: bool = False
    """Everybody whose state is `failed`."""
    poison: bool = False
    """Messages that this version, or the one before, could not read."""

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if [self.users is not None, self.all, self.poison].count(True) != 1:
            raise ValueError('give exactly one of "users", "all": true and "poison": true')
        return self


@span("retry")
def retry(services: Services, body: bytes, requested_by: str) -> func.HttpResponse:
    """Look again at what failed. A photo that was refused is looked at anew too, since it is a person who asks."""
    request = read_body(RetryRequest, body, path="POST /api/retry", example='{"all": true}')
    if isinstance(request, func.HttpResponse):
        return request
    if request.poison:
        return _put_back(services)
    if request.users is not None:
        return start_named(services, request.users, requested_by, Wanted(force=True))
    few = services.status.page(UserState.FAILED, None, AT_ONCE + 1)
    if len(few) <= AT_ONCE:
        return start_known(services, [row.user_id for row in few], requested_by, Wanted(force=True))
    return start_listed(services, Users.FAILED, requested_by, Wanted(force=True))


def _put_back(services: Services) -> func.HttpResponse:
    """Each message is put on its queue before it is removed here: one that comes twice does no harm."""
    put_back = 0
    try:
        for row in services.control.starting_with(UNREADABLE):
            name = str(row.values.get("queue") or QUEUE_OF_CHANGES)
            if name in {QUEUE_OF_CHANGES, QUEUE_OF_CHECKS}:
                _queue(services, name).put_text(str(row.values.get("text", "")))
                services.control.remove_seen(row)
                put_back += 1
    except AzureError as error:
        tell(_log, Happened.NOT_ALL_PUT_BACK, error=type(error).__name__)
        return problem(
            503, "not-stored", "Not all messages could be put back.", "Ask again: what comes twice does no harm."
        )
    told: PutBack = {"putBack": put_back}
    return json_answer(200, told)


def _queue(services: Services, name: str) -> MessageQueue:  # type: ignore[type-arg] # texts go on any of them
    return services.queue if name == QUEUE_OF_CHANGES else services.checks
