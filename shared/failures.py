"""Everything that can go wrong: one table of codes, each with its kind, a sentence and what to do.

The status table, the API, the page and the docs all read this table; nobody else writes such sentences.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class FailureKind(StrEnum):
    """Whose turn it is."""

    WAIT = "wait"
    """Ours to wait for: deferred and tried again."""
    MEND = "mend"
    """The administrator's to mend: not retried blindly."""
    BUG = "bug"
    """Ours to mend: raised, retried by the host, then poison."""


class FailureCode(StrEnum):
    """One way to fail. The member's value is the code that tables, log and docs carry."""

    kind: FailureKind
    sentence: str
    remedy: str

    @classmethod
    def read(cls, code: str) -> "FailureCode":
        """The member of a stored code; UnexpectedError for one that another version of the app wrote."""
        return cls._value2member_map_.get(code, cls.UNEXPECTED_ERROR)  # type: ignore[return-value] # a map of members

    def __new__(cls, code: str, kind: FailureKind, sentence: str, remedy: str) -> Self:
        """A member is its code; kind, sentence and remedy hang on it."""
        member = str.__new__(cls, code)
        member._value_ = code
        member.kind, member.sentence, member.remedy = kind, sentence, remedy
        return member

    TOO_MANY_REQUESTS = (
        "TooManyRequests",
        FailureKind.WAIT,
        "Microsoft asked the app to slow down.",
        "There is nothing to do. It is tried again after the time that Microsoft named.",
    )
    SERVICE_UNAVAILABLE = (
        "ServiceUnavailable",
        FailureKind.WAIT,
        "A Microsoft service failed or did not answer in time.",
        "There is nothing to do. It is tried again by itself, at growing intervals.",
    )
    TARGET_LOCKED = (
        "TargetLocked",
        FailureKind.WAIT,
        "The picture file in SharePoint is locked or checked out by somebody.",
        (
            "Usually nothing: it is tried again. If it stays, open the User Photos library of the My Site host and "
            "check the file in."
        ),
    )
    NO_TARGET_PROFILE = (
        "NoTargetProfile",
        FailureKind.WAIT,
        "SharePoint has no user profile for this person yet.",
        (
            "Wait: SharePoint makes it within a day or so of the account's creation, and it is tried again. To hurry, "
            "let the person open SharePoint once."
        ),
    )
    NOT_PERMITTED = (
        "NotPermitted",
        FailureKind.MEND,
        "A Microsoft service refused the app for want of a permission.",
        (
            "Grant the application permissions that the README lists (Graph: ProfilePhoto.Read.All, User.Read.All; "
            "SharePoint: User.ReadWrite.All, Sites.ReadWrite.All), with admin consent, then copy again."
        ),
    )
    SIGN_IN_FAILED = (
        "SignInFailed",
        FailureKind.MEND,
        "Entra ID gave the app no token.",
        (
            "Check the identity settings: the client id, the certificate's registration and expiry, or the managed "
            "identity's assignment to the app. Entra's own code is in the detail."
        ),
    )
    PHOTO_REFUSED = (
        "PhotoRefused",
        FailureKind.MEND,
        "The photo cannot be used: it is no readable picture, or beyond the bounds.",
        "Replace the person's photo in Microsoft 365; the app looks again as soon as it changes.",
    )
    USER_NOT_FOUND = (
        "UserNotFound",
        FailureKind.MEND,
        "Microsoft Graph knows no such user.",
        "Nothing, if the account was deleted. Otherwise check the object id or user principal name.",
    )
    REMOVALS_STOPPED = (
        "RemovalsStopped",
        FailureKind.MEND,
        "So many people have lost their photo at once that the app has stopped clearing pictures in SharePoint.",
        (
            "Look whether Microsoft 365 really has no photo for them. If so, POST /api/sweep with "
            '{"force": true} clears the pictures; if not, there is nothing to do: a photo that is back ends it.'
        ),
    )
    PICTURE_FOLDER_UNCLEAR = (
        "PictureFolderUnclear",
        FailureKind.MEND,
        (
            "The folder for pictures could not be told: the User Photos library of the My Site host does not have "
            "exactly one folder."
        ),
        (
            "Set PHOTOSYNC_PICTURE_FOLDER to the folder's name. SharePoint makes it when the first person uploads a "
            "photo there; a named one that is missing is created by the app."
        ),
    )
    NAME_COLLISION = (
        "NameCollision",
        FailureKind.MEND,
        "Another user's picture files already have the names that this user's would get.",
        "Set PHOTOSYNC_FILE_NAMING to object_id (the default), which cannot collide; or rename one of the two users.",
    )
    EARLIER_NOT_KNOWN = (
        "EarlierNotKnown",
        FailureKind.MEND,
        "Nobody knows what picture was there before: the app wrote its own before it kept that, or lost its record.",
        (
            'Ask for the restore once more with "orClear": true, which clears the picture instead; or set the picture '
            "by hand in the SharePoint admin center, under User profiles."
        ),
    )
    REQUEST_REFUSED = (
        "RequestRefused",
        FailureKind.MEND,
        "A Microsoft service refused a request in a way that the app does not expect.",
        (
            "Note the request id and the detail, and open an issue of the project; Microsoft's support can look the "
            "request id up."
        ),
    )
    ANSWER_NOT_UNDERSTOOD = (
        "AnswerNotUnderstood",
        FailureKind.WAIT,
        "A Microsoft service answered in a shape that the app does not know.",
        "There is nothing to do at first: it is tried again. If it stays, open an issue with the request id.",
    )
    ENDPOINT_NOT_REACHED = (
        "EndpointNotReached",
        FailureKind.WAIT,
        "Graph got no proper answer from the app's endpoints yet, which it asks before it makes a subscription.",
        (
            "Nothing at first: an app that is just starting answers too late, and it is tried again every five "
            "minutes. If it lasts for half an hour, it becomes SubscriptionRefused, with what to check."
        ),
    )
    SUBSCRIPTION_REFUSED = (
        "SubscriptionRefused",
        FailureKind.MEND,
        (
            "Graph would not make or renew the subscription. While there is none, no notification comes; the sweep "
            "still finds every change."
        ),
        (
            "Look at the detail. HTTP 400: usually Graph could not reach the app; check that PHOTOSYNC_PUBLIC_URL is "
            "the app's public https address, and that /api/notifications and /api/lifecycle answer without sign-in. "
            "HTTP 403: Graph's limit of subscriptions (100 an app, 1,000 a tenant) is reached; delete some that nobody "
            "needs. HTTP 409: other software uses the same app registration and has the one subscription to users; "
            "give this app a registration of its own. It is tried again by itself, at least every hour."
        ),
    )
    UNREADABLE_MESSAGE = (
        "UnreadableMessage",
        FailureKind.BUG,
        "A message on the queue is none of the app's.",
        "Look at it on the poison queue; if a newer version of the app wrote it, deploy that version again.",
    )
    UNEXPECTED_ERROR = (
        "UnexpectedError",
        FailureKind.BUG,
        "The app itself failed on this photo.",
        "Please open an issue of the project with the log of this invocation; then copy again.",
    )


@dataclass
class Failure(Exception):  # noqa: N818 - the house's word for it
    """Something could not be done. Carries what the tables and the log need; never a secret or personal data."""

    code: FailureCode
    detail: str = ""
    """The service's own code and words, shortened; for the administrator."""
    request_id: str = ""
    """Microsoft's, for its support."""
    retry_after: float | None = None
    """Seconds that the service asked for; None when it named none."""
    service: str = ""
    """`graph`, `sharepoint` or `entra`."""
    status: int | None = None
    """The HTTP status, when there was one."""

    def __post_init__(self) -> None:
        """The exception's text is the administrator's sentence, with the detail."""
        super().__init__(f"{self.code}: {self.code.sentence} {self.detail}".rstrip())

    def __str__(self) -> str:
        """The sentence; what `Exception` would say without the dataclass."""
        return str(self.args[0])
