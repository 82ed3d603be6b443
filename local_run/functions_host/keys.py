"""Who may call what: one function key for all functions, one master key for everything."""

import hmac
from dataclasses import dataclass, field
from secrets import token_urlsafe


def _made_up() -> str:
    return token_urlsafe(40)


@dataclass(frozen=True)
class Keys:
    """The two keys of this run; made up when they are not given."""

    function: str = field(default_factory=_made_up, repr=False)
    master: str = field(default_factory=_made_up, repr=False)

    def admit(self, level: str, given: str | None) -> bool:
        """Whether the key that came with a request opens a function of that authorisation level."""
        if level == "anonymous":
            return True
        if not given:
            return False
        allowed = (self.master,) if level == "admin" else (self.function, self.master)
        # Each is compared, in constant time, so that the answer's timing tells nothing about either.
        return sum(hmac.compare_digest(key.encode(), given.encode()) for key in allowed) > 0
