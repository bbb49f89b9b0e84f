"""Which node each task runs on, noted by the task itself in the cluster's own memory.

Ray tells a driver that a task's node died as soon as its connection breaks. Where the network of a node is cut, or its
power, no connection breaks: Ray's own patience is seven minutes then, although the cluster has long declared the node
dead. With these notes the tasks of such a node are given up at once.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Hashable

from mqn.search.artifacts import ArtifactStore
from mqn.search.engine import head
from mqn.search.work.jobs import Job, Outcome, perform


def perform_noted(store: ArtifactStore, job: Job, note: str) -> Outcome:
    """Note which node this is, then do a job (`mqn.search.work.jobs.perform`). Runs in a Ray worker."""
    import ray

    with contextlib.suppress(Exception):  # A head that is away ends no job.
        head.keep(note, ray.get_runtime_context().get_node_id())
    return perform(store, job, capture=True)


class Sightings:
    """The notes of one driver's tasks."""

    def __init__(self) -> None:
        """Begin without any."""
        self._notes: dict[Hashable, str] = {}

    @staticmethod
    def new_note() -> str:
        """A name for the note of a task."""
        return uuid.uuid4().hex

    def expect(self, handle: Hashable, note: str) -> None:
        """A task was begun, and will make this note."""
        self._notes[handle] = note

    def forget(self, handle: Hashable) -> None:
        """A task has ended."""
        note = self._notes.pop(handle, None)
        if note is not None:
            with contextlib.suppress(Exception):  # Of a head that is away, nothing need be forgotten.
                head.drop(note)

    def lost(self, gone: frozenset[str]) -> tuple[list[Hashable], list[Hashable]]:
        """Look through all tasks after nodes went.

        Args:
            gone: ids of the nodes that went.

        Returns:
            Those that ran on one of the nodes, and those that have not begun: some of these may have been on their way
            to one.

        Raises:
            ClusterError: the head does not answer.
        """
        try:
            nodes = {handle: head.recall(note) for handle, note in self._notes.items()}
        except Exception as error:
            raise head.away(error) from error
        return (
            [handle for handle, node in nodes.items() if node in gone],
            [handle for handle, node in nodes.items() if node is None],
        )
