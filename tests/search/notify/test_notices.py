from __future__ import annotations

from types import SimpleNamespace

import pytest
from optuna.trial import TrialState, create_trial
from tests.support.records import make_trial
from tests.support.search_fakes import grid_definition

from mqn.errors import DeviceAwayError, StudyBusyError
from mqn.profile_tables.notify import NotifyProfile
from mqn.search.notify.notices import Notices, open_notices
from mqn.search.space.space_file import parse_space
from mqn.search.storage.once import first_time
from mqn.search.study.study import Study

ALL = ("end", "stall", "failures", "front")


class Kept:
    """Keeps events in place of telling them."""

    def __init__(self):
        self.events, self.lines, self.closed = [], [], None

    def post(self, event):
        self.events.append(event)

    def news(self):
        lines, self.lines = self.lines, []
        return lines

    def close(self, seconds):
        self.closed = seconds


def frozen(number, psnr, latency):
    trial = create_trial(state=TrialState.COMPLETE, values=[psnr, latency])
    trial.number = number
    return trial


class Searched:
    """A study of two objectives, psnr_tm and latency_ms; `others` are trials of other drivers."""

    name = "first"

    def __init__(self, *others):
        self.space, self.others = parse_space(grid_definition(), source="tiny.toml"), list(others)

    def begun(self):
        return 12

    def trials(self, *states):
        return self.others


def trial(number, psnr, latency, **changes):
    return make_trial(number, figures={"psnr_tm": psnr, "latency_ms": latency}, **changes)


@pytest.fixture
def notices():
    def make(*earlier, study=None, **settings):
        kept, said = Kept(), []
        found = Notices(study or Searched(), NotifyProfile(**{"on": ALL, **settings}), kept, said.append, earlier)
        return found, kept, said

    return make


def keys(kept):
    return [event.key for event in kept.events]


def test_a_trial_that_joins_the_front_is_told(notices):
    found, kept, _ = notices(trial(0, 20.0, 10.0))
    found.finish(trial(1, 25.0, 12.0))
    found.finish(trial(2, 24.0, 13.0))  # beaten by #1
    found.finish(trial(3, 25.0, 12.0))  # no better than #1
    found.finish(trial(4, 30.0, 20.0, violations={"latency_ms <= 15": 5.0}))
    found.finish(trial(5, 31.0, 20.0, confirms=1))
    found.finish(trial(6, 32.0, 20.0, state="held"))
    assert keys(kept) == ["front/1"]
    assert kept.events[0].text.startswith("first: trial 1 (ca ")
    assert kept.events[0].text.endswith(") is on the front: psnr_tm 25, latency_ms 12")
    assert dict(kept.events[0].facts)["values"] == {"psnr_tm": 25.0, "latency_ms": 12.0}


def test_trials_of_other_drivers_count(notices):
    found, kept, _ = notices(study=Searched(frozen(7, 26.0, 11.0)))
    found.finish(trial(1, 25.0, 12.0))
    found.finish(trial(2, 27.0, 12.0))
    assert keys(kept) == ["front/2"]
    assert kept.events[0].facts["front"] == 2


def test_many_failures_among_the_latest_trials_are_told_once(notices):
    earlier = [trial(n, 20.0, 10.0) for n in range(3)]
    found, kept, _ = notices(*earlier, failures_of=4, failures_share=0.5, on=("failures",))
    found.finish(trial(3, 0, 0, state="failed"))
    found.finish(trial(4, 20.0, 10.0, state="gated"))
    assert keys(kept) == []
    found.finish(trial(5, 0, 0, state="failed"))  # of #2 to #5 two failed
    found.finish(trial(6, 0, 0, state="failed"))
    assert keys(kept) == ["failures"]
    assert kept.events[0].text == "first: 2 of the last 4 trials failed; `mqn trials` says why"


def test_too_few_trials_tell_nothing_of_failures(notices):
    found, kept, _ = notices(failures_of=4, on=("failures",))
    for number in range(3):
        found.finish(trial(number, 0, 0, state="failed"))
    assert keys(kept) == []


def test_an_end_and_a_stall_are_told_with_their_numbers(notices):
    found, kept, _ = notices()
    found.end("stalled", "the front has stalled", lambda: {"trainings": 4})
    assert keys(kept) == ["stall/12", "end/12"]
    assert dict(kept.events[1].facts) == {"stopped": "stalled", "trials_begun": 12, "trainings": 4}
    found, kept, _ = notices(on=("stall",))
    found.end("done", "done")
    assert keys(kept) == []


def test_a_driver_that_fails_is_told_without_its_error(notices):
    found, kept, _ = notices(trial(0, 20.0, 10.0), trial(1, 20.0, 10.0))
    found.fail(DeviceAwayError("no agent answers at https://board:8765 in /home/me"))
    found.fail(StudyBusyError("others go on"))
    assert keys(kept) == ["end/DeviceAwayError/2"]
    assert b"board" not in kept.events[0].document("first")
    assert b"/home" not in kept.events[0].document("first")


def test_what_the_courier_has_to_say_is_said_by_the_loop(notices):
    found, kept, said = notices()
    kept.lines = ["notify: the webhook answers 500"]
    found.finish(trial(0, 20.0, 10.0, state="held"))
    assert said == ["notify: the webhook answers 500"]


def test_without_a_target_nothing_is_looked_at():
    def fail(*_):
        raise AssertionError

    study = SimpleNamespace(space=Searched().space, name="s", begun=fail, trials=fail)
    with open_notices(NotifyProfile(), study, fail, fail, fail) as notices:
        notices.finish(trial(0, 20.0, 10.0))
        notices.end("done", "done", fail)


def test_a_driver_that_fails_tells_and_one_that_is_stopped_does_not(hook):
    profile = NotifyProfile(webhook=hook.url)
    with pytest.raises(DeviceAwayError), open_notices(profile, Searched(), lambda key: True, list, print):
        raise DeviceAwayError("gone")
    assert [told["error"] for told in hook.told] == ["DeviceAwayError"]
    with pytest.raises(KeyboardInterrupt), open_notices(profile, Searched(), lambda key: True, list, print):
        raise KeyboardInterrupt
    assert len(hook.told) == 1


def test_an_event_happens_once_a_study_whoever_asks(make_study, grid):
    study: Study = make_study(grid)
    other: Study = make_study(grid, "other")
    engine = study.store.database.engine
    assert first_time(engine, study.id, "front/1") is True
    assert first_time(engine, study.id, "front/1") is False
    assert first_time(engine, study.id, "front/2") is True
    assert first_time(engine, other.id, "front/1") is True
    assert study.optuna.user_attrs.keys() == {"mqn"}
