from __future__ import annotations

import pytest

from mqn.errors import TrackingError
from mqn.parsing import read_json
from mqn.track.connection import connect
from mqn.track.entries import RunEntry
from mqn.track.registry import model_name
from mqn.track.removal import Tracked, find_tracked, remove_tracked
from mqn.track.tracker import Tracker


@pytest.mark.slow
def test_a_study_s_experiment_goes_and_its_name_is_free(uri, tmp_path, trial, model):
    spool = tmp_path / "spool"
    with Tracker(uri, spool) as tracker:
        tracker.open_study("removed", {"trials": 1}, {})
        tracker.log_trial(trial("removed", 0), artifacts={"model.tflite": model})
        tracker.close_study("removed", {})
    found = find_tracked(uri, spool, "removed")
    (folder,) = found.folders
    assert (found.runs, found.registered, found.waiting) == (2, (), 0)
    assert (folder / "artifacts" / "model.tflite").is_file()
    remove_tracked(uri, found, "removed")
    assert not folder.parent.exists()
    assert find_tracked(uri, spool, "removed") == Tracked()
    with Tracker(uri, spool) as tracker:
        tracker.open_study("removed", {"trials": 1}, {})
        assert not tracker.close_study("removed", {})
    assert find_tracked(uri, spool, "removed").runs == 1


@pytest.mark.slow
def test_files_of_a_registered_version_stay(uri, tmp_path, trial, model):
    spool, bundle = tmp_path / "spool", tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "model.tflite").write_bytes(model.read_bytes())
    with Tracker(uri, spool) as tracker:
        for number in (0, 1):
            tracker.log_trial(trial("shipped", number), artifacts={"model.tflite": model})
        tracker.register_bundle(model_name("shipped"), bundle, study="shipped", number=1, tags={})
    found = find_tracked(uri, spool, "shipped")
    assert found.registered == ("mqn-shipped 1",)
    remove_tracked(uri, found, "shipped")
    version = connect(uri).get_model_version("mqn-shipped", "1")
    kept = found.folders[0].parent / version.run_id
    assert [path.name for path in found.folders[0].parent.iterdir()] == [version.run_id]
    assert (kept / "artifacts" / "bundle" / "model.tflite").is_file()


def test_what_waits_goes_too(dead_uri, tmp_path, trial):
    spool = tmp_path / "spool"
    tracker = Tracker(dead_uri, spool)
    tracker.log_trial(trial("waits", 0))
    tracker.close(send=False)
    with pytest.raises(TrackingError, match=r"127\.0\.0\.1.* cannot be asked for the runs of 'waits'"):
        find_tracked(dead_uri, spool, "waits")
    absent = f"sqlite:///{tmp_path / 'absent.db'}"
    tracker = Tracker(absent, spool)
    tracker._spool.add(read_json(RunEntry, next(spool.glob("*/waits/[0-9]*.json"))))
    tracker.close(send=False)
    found = find_tracked(absent, spool, "waits")
    assert (found.waiting, found.experiment) == (1, None)
    remove_tracked(absent, found, "waits")
    assert find_tracked(absent, spool, "waits") == Tracked()
    assert not (tmp_path / "absent.db").exists()


def test_nothing_is_tracked_nowhere(tmp_path):
    assert find_tracked("", tmp_path, "any") == Tracked()
