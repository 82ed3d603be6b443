"""Whether the listeners may take new work, and whether they still have some."""

import asyncio


class Drain:
    """Shared by the host, its listeners and the administration.

    Two reasons to take nothing new: a drain that may end again (`/admin/host/drain`), and the host's own end.
    """

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._begun = asyncio.Event()
        self.ending = False
        self.at_work = 0
        """Pieces of work that the listeners have taken and not yet settled."""

    @property
    def begun(self) -> bool:
        """Whether nothing new may be taken."""
        return self.ending or not self._open.is_set()

    def begin(self) -> None:
        """Take nothing new from now on."""
        self._open.clear()
        self._begun.set()

    def end(self) -> None:
        """Take work again, unless the host ends."""
        if not self.ending:
            self._open.set()
            self._begun.clear()

    def finish(self) -> None:
        """Take nothing new, for good: every wait in `may_work` ends."""
        self.begin()
        self.ending = True
        self._open.set()

    async def may_work(self) -> bool:
        """Wait until new work may be taken; False: the host ends."""
        await self._open.wait()
        return not self.ending

    async def pause(self, seconds: float) -> None:
        """Wait for a time, or until a drain begins."""
        try:
            async with asyncio.timeout(seconds):
                await self._begun.wait()
        except TimeoutError:
            return
