from __future__ import annotations

from collections.abc import Hashable, Sequence

from mqn.search.artifacts import ArtifactStore
from mqn.search.work.engine import Capacity
from mqn.search.work.jobs import Job, Outcome, perform


class InProcessEngine:
    """Runs a job in this process when it is waited for: for tests, and for a whole study under a debugger."""

    def __init__(self, capacity: float = 4) -> None:
        """Pretend to have some processors."""
        self.capacity = Capacity(amounts={"CPU": capacity}, own_cpus=capacity)
        self._jobs: dict[Hashable, tuple[ArtifactStore, Job]] = {}
        self._count = 0

    def submit(self, store: ArtifactStore, job: Job) -> Hashable:
        """Take a job on."""
        self._count += 1
        self._jobs[self._count] = (store, job)
        return self._count

    def wait(self, handles: Sequence[Hashable], timeout: float) -> list[Hashable]:
        """The oldest job is the next that ends."""
        return list(handles[:1])

    def collect(self, handle: Hashable) -> Outcome:
        """Do the job now."""
        return perform(*self._jobs.pop(handle))

    def restart(self) -> None:
        """Forget what was not waited for."""
        self._jobs.clear()

    def close(self) -> None:
        """As `restart`."""
        self.restart()
