"""What the API's description says of this blueprint's routes."""

from shared.openapi import Described
from shared.openapi_parts import FAILURES, Answer, Body, Header, Operation, Parameter, Problem, Tag, text
from shared.openapi_schemas import COMPONENTS, row_schema
from shared.status import HistoryRow, StatusRow
from shared.words import Outcome, Reason, UserState
from status_page.answer_shapes import HealthAnswer, Overview
from status_page.export_csv import ROWS_A_PART
from status_page.health.tell_health import WRITE
from status_page.list_status import INTERNAL, MOST, PAGE_SIZE
from status_page.serve_views import ViewRequest

_ID = "78ccf530-bbf0-47e4-aae6-da5f8c6fb142"
_USER = Parameter(
    "user", "Object id or user principal name.", {"type": "string", "minLength": 1}, "a.b@contoso.com", "path"
)
_FILTERS = (
    Parameter("state", "Only users in this state.", {"$ref": f"{COMPONENTS}UserState"}, "failed"),
    Parameter("text", "Only users with this in their name or UPN, in any case.", {"type": "string"}, "smith"),
    Parameter(
        "after",
        "Where to go on: what the answer before gave. An object id begins behind that user.",
        {"type": "string", "pattern": "^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|~[A-Za-z0-9_-]+)$"},
        _ID,
    ),
)
_WRONG = Problem(400, "bad-request", "A query parameter is wrong; `detail` says which values there are.")
_NEVER = Problem(404, "never-looked-at", "This user's photo was never looked at.")
_HTML = {"type": "string"}

_STATUS = row_schema(
    StatusRow,
    leave_out=INTERNAL,
    means=text("What the state means."),
    errorMeans=text("With `errorCode`: what it means."),
    remedy=text("With `errorCode`: what to do about it."),
)
_STATUS["required"].append("means")

DESCRIBED = Described(
    {
        "GET overview": Operation(
            Tag.STATUS,
            "One line that says whether all is well, or what to do; and the facts behind it. It costs a few reads of a "
            "table: made for alert rules and monitors.",
            (Answer(200, "How things are.", Overview),),
        ),
        "GET health": Operation(
            Tag.STATUS,
            "Uses every dependency with the app's own identity, and says of each whether it works and what to do if "
            "not. It asks Microsoft's services a dozen times; a monitor that asks every few minutes should ask "
            "`/api/overview`. With `probe=write` it writes a picture of the user in PHOTOSYNC_TEST_USER and takes it "
            "back, which needs the right to act.",
            (
                Answer(200, "No check failed.", HealthAnswer),
                Answer(503, "A check failed. The body is the same; or a problem:", HealthAnswer),
            ),
            (Parameter("probe", "`write` tries a real write too.", {"type": "string", "enum": [WRITE]}, WRITE),),
            problems=(Problem(400, "bad-request", "There is no such probe."),),
            may_act=True,
        ),
        "GET openapi.json": Operation(
            Tag.STATUS,
            "This document. It says which way of signing in this app asks for.",
            (Answer(200, "An OpenAPI 3.1 document.", {"type": "object", "required": ["openapi", "info", "paths"]}),),
        ),
        "GET status": Operation(
            Tag.STATUS,
            "A page of users in the order of their object ids. Go on with `after` as long as the answer gives one. A "
            "search that ran out of time says `stopped`, perhaps with few users or none, and goes on the same way.",
            (Answer(200, "Users.", {"$ref": f"{COMPONENTS}UserList"}),),
            (
                *_FILTERS,
                Parameter(
                    "size",
                    f"Users a page; {PAGE_SIZE} when not said.",
                    {"type": "integer", "minimum": 1, "maximum": MOST},
                    PAGE_SIZE,
                ),
            ),
            problems=(_WRONG,),
        ),
        "GET status.csv": Operation(
            Tag.STATUS,
            f"The same for a spreadsheet, up to {ROWS_A_PART:,} rows a part. The header `Link` leads to the next part, "
            "which has no heading line: joined, the parts are one file (RFC 4180, UTF-8 with a byte order mark).",
            (Answer(200, "A part of the file.", {"type": "string"}, ("text/csv",), may_have=(Header.LINK,)),),
            _FILTERS,
            problems=(_WRONG,),
        ),
        "GET status/{user}": Operation(
            Tag.STATUS,
            "Where one user stands, with the latest 50 attempts, newest first.",
            (Answer(200, "The user.", {"$ref": f"{COMPONENTS}UserWithHistory"}),),
            (_USER,),
            problems=(_NEVER,),
        ),
        "GET status/{user}/photo": Operation(
            Tag.STATUS,
            "The photo that Microsoft 365 has of somebody, or the large picture that SharePoint shows.",
            (
                Answer(
                    200,
                    "The picture. Its type is told from its bytes.",
                    {},
                    ("image/jpeg", "image/png", "image/gif", "image/webp"),
                ),
            ),
            (
                _USER,
                Parameter(
                    "of",
                    "`source`: Microsoft 365's. `target`: SharePoint's.",
                    {"type": "string", "enum": ["source", "target"]},
                    "target",
                    required=True,
                ),
            ),
            problems=(
                _WRONG,
                _NEVER,
                Problem(404, "no-picture", "There is no picture of this person."),
                Problem(415, "not-a-picture", "That is not a picture."),
                *FAILURES,
            ),
        ),
        "GET dashboard": Operation(
            Tag.PAGE, "The page, without any data.", (Answer(200, "The page.", _HTML, ("text/html",)),)
        ),
        "GET dashboard/assets/{name}": Operation(
            Tag.PAGE,
            "A file that the page needs.",
            (
                Answer(200, "The file.", {"type": "string"}, ("text/css", "text/javascript", "image/svg+xml")),
                Answer(404, "There is no such file.", {"type": "string"}, ("text/plain",)),
            ),
            (Parameter("name", "As the page names it.", {"type": "string", "minLength": 1}, "page.css", "path"),),
        ),
        "POST dashboard/view": Operation(
            Tag.PAGE,
            "What the page shows, as a piece of HTML, for its own script.",
            (Answer(200, "The piece.", _HTML, ("text/html",)),),
            (
                Parameter(
                    "x-photosync-page",
                    "Says that it is the page who asks.",
                    {"type": "string", "minLength": 1},
                    "1",
                    "header",
                    required=True,
                ),
            ),
            Body(ViewRequest, {"The first view": {"view": "home"}, "One user": {"view": "user", "id": _ID}}),
            (
                Problem(400, "bad-request", "The page asked for something unknown."),
                Problem(403, "not-the-page", "This answers the page's own script."),
                Problem(404, "not-there", "There is nothing here."),
            ),
        ),
    },
    schemas={
        "UserStatus": _STATUS,
        "Attempt": row_schema(HistoryRow),
        "UserWithHistory": {
            **_STATUS,
            "description": "One user's row and latest attempts.",
            "properties": _STATUS["properties"]
            | {"history": {"type": "array", "items": {"$ref": f"{COMPONENTS}Attempt"}}},
            "required": [*_STATUS["required"], "history"],
        },
        "UserList": {
            "type": "object",
            "description": "A page of users.",
            "properties": {
                "users": {"type": "array", "items": {"$ref": f"{COMPONENTS}UserStatus"}},
                "after": {"type": ["string", "null"], "description": "Where to go on; null: that was all."},
                "stopped": {"const": True, "description": "The search ran out of time: go on with `after`."},
                "lookedAt": {"type": "integer", "description": "With `stopped`: users looked at."},
            },
            "required": ["users", "after"],
        },
    },
    types=(UserState, Reason, Outcome),
)
