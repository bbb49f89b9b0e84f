"""The studies that a dashboard shows, read while somebody looks at them, and what their panels draw.

Nothing is read by a clock of its own: a page asks every second, and the first who asks in that second reads. So a
dashboard that nobody looks at costs its database and its drivers nothing.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from mqn.dashboard.studies.reading import State, StudyReader
from mqn.errors import UnknownNameError
from mqn.report.front.scorebook import Scorebook
from mqn.report.pages.view import View, look, read_curves
from mqn.search.artifacts import ArtifactStore
from mqn.search.storage.store import StudyStore
from mqn.search.study.studies import list_studies
from mqn.search.work.steps import last_part

PERIOD_SECONDS = 0.8
"""A state is read again when it is older; pages ask every second."""
_VIEWS = 4
_MADE = 24
"""Drawings of a study that are kept: those of a few versions, for pages that show one of these."""

T = TypeVar("T")


class Live:
    """Studies of one database, by name. Any thread may use it."""

    def __init__(
        self,
        store: StudyStore,
        artifacts: ArtifactStore,
        names: Sequence[str] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open studies.

        Args:
            store: the database.
            artifacts: what their stages made: scores of every picture, histories of trainings.
            names: the studies; none: every one of the database, the newest first.
            clock: monotonic seconds.

        Raises:
            UnknownNameError: there is no such study.
            StudyError: another version made it.
        """
        self.store, self.artifacts, self._clock = store, artifacts, clock
        self._named = list(dict.fromkeys(names))
        self._lock = threading.Lock()
        self._followed: dict[str, _Followed] = {}
        for name in self._named:
            self._follow(name)

    @property
    def names(self) -> list[str]:
        """The studies that can be shown."""
        if self._named:
            return self._named
        return [name for name, about in reversed(list_studies(self.store).items()) if about is not None]

    def state(self, name: str) -> State:
        """A study as it is now, at most `PERIOD_SECONDS` old.

        Raises:
            UnknownNameError: there is no such study, or it is not among those that are shown.
        """
        return self._follow(name).state(self._clock())

    def view(self, name: str, device: str | None = None, *, curves: bool = False) -> View:
        """What panels draw of a study as it was read last; made once for each state.

        Args:
            name: the study's.
            device: whose latency and memory count; None: each trial's first device.
            curves: whether the histories of trainings are wanted; reading many takes a while.

        Raises:
            UnknownNameError: there is no such study, or no trial was measured on that device.
            NothingSatisfiesError: it has no trials yet.
        """
        followed = self._follow(name)
        followed.state(self._clock())
        return followed.view(device, curves=curves)

    def once(self, name: str, key: Hashable, make: Callable[[], T]) -> T:
        """What is made of a study as it was read last: made once for each version, however many ask.

        Args:
            name: the study's.
            key: says what it is, and of which device.
            make: makes it, from `state` and `view` alone.
        """
        return self._follow(name).once(key, make)

    def earlier(self, name: str, version: int | None, key: Hashable) -> Any:
        """What `once` made of an earlier version of a study; None: it is not kept."""
        return self._follow(name).made.get((version, key))

    def book(self, name: str) -> Scorebook:
        """What a study's trials scored on every picture. An `UnknownNameError` if there is no such study."""
        return self._follow(name).book

    def _follow(self, name: str) -> _Followed:
        with self._lock:
            if name not in self._followed:
                if self._named and name not in self._named:
                    raise UnknownNameError("study", name, self._named, "this dashboard shows these only")
                self._followed[name] = _Followed(StudyReader(name, self.store), self.artifacts)
            return self._followed[name]


class _Followed:
    """One study: its reader, and what was made of its latest states."""

    def __init__(self, reader: StudyReader, artifacts: ArtifactStore) -> None:
        self._reader, self._artifacts, self.book = reader, artifacts, Scorebook(artifacts)
        self._reading, self._drawing = threading.Lock(), threading.Lock()
        self._read_at: float | None = None
        self._views: OrderedDict[tuple[int, str | None], View] = OrderedDict()
        self._curves: dict[str, Any] = {}
        self._flats: dict[int, dict[str, Any]] = {}
        self._asked: set[str] = set()
        self._making = threading.Lock()
        self.made: OrderedDict[tuple[int | None, Hashable], Any] = OrderedDict()

    def state(self, now: float) -> State:
        if self._read_at is not None and now - self._read_at < PERIOD_SECONDS:
            return self._reader.state
        # Who comes while another reads takes what there is; only the very first reading is waited for.
        if self._reading.acquire(blocking=self._read_at is None):
            try:
                if self._read_at is None or now - self._read_at >= PERIOD_SECONDS:
                    self._reader.look()
                    self._read_at = now
            finally:
                self._reading.release()
        return self._reader.state

    def view(self, device: str | None, *, curves: bool) -> View:
        state = self._reader.state
        key = (state.version, device)
        with self._drawing:
            if key not in self._views:
                goals, limits = state.space.objectives, state.space.constraints
                self._views[key] = look(state.records, goals, limits, device=device, book=self.book, flats=self._flats)
                while len(self._views) > _VIEWS:
                    self._views.popitem(last=False)
            view = self._views[key]
            return replace(view, curves=self._all_curves(state)) if curves else view

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        with self._making:
            version = self._reader.state.version
            if (version, key) not in self.made:
                made = make()
                if self._reader.state.version != version:
                    return made  # It may be of either version.
                self.made[version, key] = made
                while len(self.made) > _MADE:
                    self.made.popitem(last=False)
            found: T = self.made[version, key]
            return found

    def _all_curves(self, state: State) -> dict[str, Any]:
        """The histories of all trainings; each is read once, those of trials on their way each time."""
        new = [record for record in state.records if last_part(record.artifacts) not in self._asked]
        self._curves |= read_curves(new, self._artifacts)
        ended = (last_part(record.artifacts) for record in new if record.state not in ("running", "paused"))
        self._asked |= {key for key in ended if key is not None}
        return dict(self._curves)
