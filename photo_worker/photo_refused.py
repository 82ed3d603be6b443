"""Why a photo cannot be made into thumbnails: one word for the table, one sentence for the administrator."""

from shared.told import Told


class Refusal(Told):
    """The reason, and the sentence that the administrator reads beside the user's name."""

    NOT_AN_IMAGE = "not_an_image", "The file that was served as the photo is no picture at all."
    UNSUPPORTED_FORMAT = (
        "unsupported_format",
        "The photo is of a kind that is not read here: save it as JPEG or PNG and upload it again.",
    )
    TRUNCATED = "truncated", "The photo is cut short or damaged: upload it again."
    TOO_MANY_PIXELS = "too_many_pixels", "The photo has more pixels than can safely be read: upload a smaller one."
    TOO_MANY_BYTES = "too_many_bytes", "The photo's file is too large: upload a smaller one."
    TOO_SMALL = "too_small", "The photo is too small to show anybody: upload one of 300 by 300 pixels or more."


class PhotoRefused(Exception):  # noqa: N818 - it names what happened to the photo; the program has no error
    """This version of a photo can never be copied; another attempt with the same bytes ends the same way."""

    def __init__(self, reason: Refusal, detail: str = "") -> None:
        super().__init__(f"{reason.sentence} ({detail})" if detail else reason.sentence)
        self.reason = reason
        self.detail = detail
