from __future__ import annotations

import pytest

from mqn.errors import TrackingError
from mqn.track.connection import connect
from mqn.track.tracker import Tracker


@pytest.fixture
def bundle(tmp_path, model):
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "model.tflite").write_bytes(model.read_bytes())
    return folder


@pytest.mark.slow
def test_a_bundle_becomes_a_version_under_its_trial_and_once_only(uri, tmp_path, trial, bundle):
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.log_trial(trial("registered", 4))
        first = tracker.register_bundle("mqn", bundle, study="registered", number=4, tags={"by": "psnr_tm"})
        again = tracker.register_bundle("mqn", bundle, study="registered", number=4, tags={"by": "psnr_tm"})
        (bundle / "model.tflite").write_bytes(b"TFL3 another")
        other = tracker.register_bundle("mqn", bundle, study="registered", number=4, tags={"by": "psnr_tm"})
    assert (first, again, other) == ("1", "1", "2")
    client = connect(uri)
    version = client.get_model_version("mqn", "1")
    assert version.tags["by"] == "psnr_tm"
    assert version.tags["trial"] == "4"
    run = client.get_run(version.run_id)
    assert run.data.tags["mqn.trial"] == "4"
    assert version.source == f"{run.info.artifact_uri}/bundle"


def test_a_trial_that_is_not_logged_cannot_be_registered(uri, tmp_path, bundle):
    with Tracker(uri, tmp_path / "spool") as tracker, pytest.raises(TrackingError, match="trial 0 of study 'absent'"):
        tracker.register_bundle("mqn", bundle, study="absent", number=0, tags={})


def test_a_server_that_is_away_says_so(dead_uri, tmp_path, trial, bundle):
    with Tracker(dead_uri, tmp_path / "spool") as tracker, pytest.raises(TrackingError, match=r"127\.0\.0\.1"):
        tracker.register_bundle("mqn", bundle, study="absent", number=0, tags={})
