"""What the API's description says of this blueprint's routes."""

from shared.openapi import Described
from shared.openapi_parts import FAILURES, Answer, Body, Header, Operation, Parameter, Problem, Schema, Tag, text
from shared.pace import AT_ONCE
from sync_trigger.answer_shapes import JobAccepted, JobAnswer, Paused, PutBack, Resumed, SweepAccepted, SweepAnswer
from sync_trigger.judge_delivery import LARGEST_BODY
from sync_trigger.pause_app import PauseRequest
from sync_trigger.receive_notification import LONGEST_TOKEN
from sync_trigger.retry import RetryRequest
from sync_trigger.start_job import SyncRequest
from sync_trigger.start_sweep import SweepRequest

_WRONG_BODY = Problem(400, "bad-request", "The body is not what the route takes; `errors` names each mistake.")
_NOT_STORED = Problem(503, "not-stored", "Not everything could be stored.", (Header.RETRY_AFTER,))
_LINE_TOO_LONG = Problem(
    503,
    "line-too-long",
    "So many photos are waiting to be copied that there is no room for more.",
    (Header.RETRY_AFTER,),
)
_RUN_ID = "315360000000000000-9f8e7d6c"


def _one_of(*ways: Schema) -> Schema:
    """Exactly one of these must hold, which the models check in code."""
    return {"oneOf": list(ways)}


def _given(name: str, **schema: object) -> Schema:
    return {"required": [name], "properties": {name: schema}}


def _webhook(what: str) -> Operation:
    element = {
        "type": "object",
        "description": "What Graph says of one user, or of the subscription.",
        "required": ["clientState"],
        "properties": {
            "clientState": text("The secret that the subscription was made with: without it the element is ignored."),
            "tenantId": text("The tenant that it is about.", format="uuid"),
            "resource": text("`Users/<object id>`."),
            "resourceData": {"type": "object", "properties": {"id": text("The user's object id.", format="uuid")}},
            "changeType": text("`updated` or `deleted`."),
            "lifecycleEvent": text("`reauthorizationRequired`, `subscriptionRemoved` or `missed`."),
        },
    }
    body: Schema = {
        "type": "object",
        "required": ["value"],
        "properties": {"value": {"type": "array", "items": element}},
    }
    example = {
        "value": [
            {
                "clientState": "the secret in PHOTOSYNC_CLIENT_STATE",
                "changeType": "updated",
                "resource": "Users/78ccf530-bbf0-47e4-aae6-da5f8c6fb142",
                "resourceData": {"id": "78ccf530-bbf0-47e4-aae6-da5f8c6fb142"},
            }
        ]
    }
    return Operation(
        Tag.GRAPH,
        f"{what} An element that does not carry the client state is counted and ignored, and the answer is the same: "
        f"a stranger learns nothing. At most {LARGEST_BODY:,} bytes.",
        (
            Answer(200, "With `validationToken`: that token, as plain text.", {"type": "string"}, ("text/plain",)),
            Answer(202, "Everything is stored."),
        ),
        (
            Parameter(
                "validationToken",
                "Sent by Graph when the subscription is made, to be given back; the body is then not looked at.",
                {"type": "string", "minLength": 1, "maxLength": LONGEST_TOKEN},
                "Validation: Testing client application reachability",
            ),
        ),
        Body(body, {"One user changed": example}),
        (
            Problem(400, "not-a-notification", "The body is no change notification."),
            Problem(400, "token-too-long", "The validation token is too long."),
            Problem(413, "too-large", "The body is too large."),
            Problem(503, "not-stored", "The notifications could not be stored.", (Header.RETRY_AFTER,)),
        ),
    )


_JOB_ID = Parameter("jobId", "As the answer that began the job gave it.", {"type": "string"}, _RUN_ID, "path")
_NO_SUCH_JOB = Problem(404, "no-such-job", "There is no such job.")

DESCRIBED = Described(
    {
        "POST notifications": _webhook("Graph's change notifications: each makes the app look at a user's photo."),
        "POST lifecycle": _webhook("Graph's lifecycle notifications: what it says of the subscription itself."),
        "POST sync": Operation(
            Tag.SYNC,
            f"Makes a job that looks at the photos of the users named, of a group, or of everybody in scope, and "
            f"copies what is not in step. Up to {AT_ONCE} named users are looked at at once; more stand in the line of "
            "bulk work, at its pace. Names that Microsoft Graph does not know are the job's failures.",
            (Answer(202, "The job has begun.", JobAccepted, headers=(Header.LOCATION,)),),
            body=Body(
                SyncRequest,
                {
                    "Two users": {"users": ["a.b@contoso.com", "78ccf530-bbf0-47e4-aae6-da5f8c6fb142"]},
                    "Everybody, only telling": {"all": True, "dryRun": True},
                    "Undo: what SharePoint showed before": {"users": ["a.b@contoso.com"], "action": "restore"},
                    "A group, even what is in step": {"group": "0c1d0c8a-7a53-4f0e-9c5b-2f7d3a6a1b11", "force": True},
                },
                required=True,
                rules={
                    **_one_of(_given("users", type="array"), _given("all", const=True), _given("group", type="string")),
                    "if": _given("action", const="restore"),
                    "then": {"properties": {"force": {"const": False}}},
                    "else": {"properties": {"orClear": {"const": False}}},
                },
            ),
            problems=(
                _WRONG_BODY,
                Problem(404, "no-such-group", "Microsoft Graph knows no such group."),
                _LINE_TOO_LONG,
                _NOT_STORED,
                *FAILURES,
            ),
        ),
        "GET sync/{jobId}": Operation(
            Tag.SYNC,
            "The job's progress, counts by outcome, expected end, and the first failures with what to do.",
            (Answer(200, "How it goes.", JobAnswer),),
            (_JOB_ID,),
            problems=(_NO_SUCH_JOB,),
        ),
        "DELETE sync/{jobId}": Operation(
            Tag.SYNC,
            "What has not begun does not begin; what has begun is brought to its end. To cancel twice does no harm.",
            (Answer(200, "How the job stands, cancelled.", JobAnswer),),
            (_JOB_ID,),
            problems=(_NO_SUCH_JOB, Problem(409, "job-ended", "The job has ended already.")),
        ),
        "POST retry": Operation(
            Tag.SYNC,
            "Makes a job that looks again at users whose photo could not be copied, all of them or those named; or "
            "puts messages that nobody could read back on their queues. A photo that was refused is looked at too.",
            (
                Answer(200, "With `poison`: so many messages were put back.", PutBack),
                Answer(202, "The job has begun.", JobAccepted, headers=(Header.LOCATION,)),
            ),
            body=Body(
                RetryRequest,
                {
                    "Everybody who failed": {"all": True},
                    "One user": {"users": ["a.b@contoso.com"]},
                    "Messages set aside": {"poison": True},
                },
                required=True,
                rules=_one_of(_given("users", type="array"), _given("all", const=True), _given("poison", const=True)),
            ),
            problems=(_WRONG_BODY, _LINE_TOO_LONG, _NOT_STORED, *FAILURES),
        ),
        "POST sweep": Operation(
            Tag.SYNC,
            "Begins a check of every user in scope, as the app does by itself every 15 minutes or as set. With `force` "
            "pictures of removed photos may be cleared again after the safety stop has stopped that.",
            (Answer(202, "The sweep has begun.", SweepAccepted, headers=(Header.LOCATION,)),),
            body=Body(SweepRequest, {"A sweep": {}, "Lift the safety stop": {"force": True}}),
            problems=(
                _WRONG_BODY,
                Problem(409, "paused", "The app is paused, so no sweep begins."),
                Problem(409, "sweep-running", "A sweep is at work already."),
            ),
        ),
        "POST pause": Operation(
            Tag.SYNC,
            "Nothing is checked and nothing copied until somebody resumes; notifications are still received, so "
            "nothing is lost. A second pause changes nothing.",
            (Answer(200, "The pause that is in force.", Paused),),
            body=Body(PauseRequest, {"With a reason": {"reason": "Maintenance"}}),
            problems=(_WRONG_BODY,),
        ),
        "DELETE pause": Operation(
            Tag.SYNC,
            "Everything goes on, within about a minute. Without a pause it changes nothing.",
            (Answer(200, "There is no pause.", Resumed),),
        ),
        "GET sweep/{runId}": Operation(
            Tag.SYNC,
            "How far a sweep has come, and how many users it found out of step.",
            (Answer(200, "How it goes.", SweepAnswer),),
            (Parameter("runId", "As the answer that began the sweep gave it.", {"type": "string"}, _RUN_ID, "path"),),
            problems=(Problem(404, "no-such-sweep", "There is no such sweep."),),
        ),
    }
)
