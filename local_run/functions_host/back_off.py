"""How long to wait between two looks at an empty or unreachable queue."""

import random
from collections.abc import Callable

MINIMUM_SECONDS = 0.1


class BackOff:
    """Randomised exponential waits from 100 ms up to a maximum, begun anew after each find."""

    def __init__(self, maximum_seconds: float, jitter: Callable[[], float] | None = None) -> None:
        """`jitter` gives a factor of 0.8 to 1.2."""
        self._maximum = max(maximum_seconds, MINIMUM_SECONDS)
        self._jitter = jitter or (lambda: random.uniform(0.8, 1.2))
        self._misses = 0

    def found(self) -> None:
        """There was something: begin anew."""
        self._misses = 0

    def missed(self) -> float:
        """There was nothing: the seconds to wait before the next look."""
        self._misses += 1
        # Past 2**40 every maximum is reached, and a host that idles for weeks must not overflow.
        growth: int = 2 ** min(self._misses - 1, 40)
        return min(self._maximum, MINIMUM_SECONDS + self._jitter() * growth * MINIMUM_SECONDS)
