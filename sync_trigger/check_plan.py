"""What a check decided, before it does anything: as a value, and as a job records it."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import BaseModel, Field

from shared.runs import ChunkRow
from shared.words import Outcome
from sync_trigger.check_messages import CheckedUser

_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class CheckPlan:
    """What becomes of the users of one chunk."""

    settled: tuple[Outcome, ...] = ()
    """Of users for whom the check was all."""
    given: tuple[tuple[str, datetime], ...] = ()
    """Users that get a photo event, and when it becomes visible."""
    unanswered: tuple[CheckedUser, ...] = ()
    """Users that Graph is asked about again."""
    ask_again_at: datetime = _NEVER
    attempt: int = 1
    """Of the check of the unanswered."""
    without_room: tuple[CheckedUser, ...] = ()
    """Users who differ, but for whom the line of bulk work has no room now."""
    look_again_at: datetime = _NEVER
    error_code: str | None = None

    def as_chunk(self, key: str) -> ChunkRow:
        """The plan as the run records it."""
        stored = _Stored(
            given=dict(self.given),
            unanswered=self.unanswered,
            ask_again_at=self.ask_again_at,
            attempt=self.attempt,
            without_room=self.without_room,
            look_again_at=self.look_again_at,
        )
        return ChunkRow.of(
            key,
            Counter(self.settled),
            given=len(self.given),
            last_due=max((due for _, due in self.given), default=None),
            plan=stored.model_dump_json(exclude_defaults=True),
            error_code=self.error_code,
        )

    @classmethod
    def from_chunk(cls, chunk: ChunkRow) -> Self:
        """The part of a recorded plan that is to be done."""
        stored = _Stored.model_validate_json(chunk.plan or "{}")
        return cls(
            given=tuple(stored.given.items()),
            unanswered=stored.unanswered,
            ask_again_at=stored.ask_again_at,
            attempt=stored.attempt,
            without_room=stored.without_room,
            look_again_at=stored.look_again_at,
            error_code=chunk.error_code,
        )


class _Stored(BaseModel):
    """A plan as JSON."""

    given: Annotated[dict[str, datetime], Field(default_factory=dict)]
    unanswered: tuple[CheckedUser, ...] = ()
    ask_again_at: datetime = _NEVER
    attempt: int = 1
    without_room: tuple[CheckedUser, ...] = ()
    look_again_at: datetime = _NEVER
