from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest

from mqn.errors import TrackingError, UsageError
from mqn.track.connection import connect
from mqn.track.registry import _card
from mqn.track.tracker import Tracker


@pytest.fixture
def bundle(tmp_path, model):
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "model.tflite").write_bytes(model.read_bytes())
    (folder / "MODEL_CARD.md").write_text("# A card")
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
    assert version.description == "# A card"
    # The second bundle of the trial leaves the files of the first as they are.
    stored = Path(url2pathname(urlsplit(version.source).path)) / "model.tflite"
    assert stored.read_bytes() == b"TFL3 model"
    assert client.get_model_version("mqn", "2").source != version.source
    assert {file.name for file in stored.parent.iterdir()} == {"model.tflite", "MODEL_CARD.md", "MLmodel"}


@pytest.mark.slow
def test_an_alias_goes_to_the_version_that_was_registered_last_with_it(uri, tmp_path, trial, bundle):
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.log_trial(trial("aliased", 4))
        words = {"study": "aliased", "number": 4, "tags": {}}
        tracker.register_bundle("mqn-aliased", bundle, **words, alias="champion")
        client = connect(uri)
        assert int(client.get_model_version_by_alias("mqn-aliased", "champion").version) == 1
        (bundle / "model.tflite").write_bytes(b"TFL3 another")
        tracker.register_bundle("mqn-aliased", bundle, **words)
        assert int(client.get_model_version_by_alias("mqn-aliased", "champion").version) == 1
        assert tracker.register_bundle("mqn-aliased", bundle, **words, alias="champion") == "2"
        with pytest.raises(UsageError, match="alias 'best'; allowed: candidate, champion"):
            tracker.register_bundle("mqn-aliased", bundle, **words, alias="best")
    assert int(client.get_model_version_by_alias("mqn-aliased", "champion").version) == 2
    assert (
        "mlflow models serve -m models:/mqn-aliased@champion" in client.get_registered_model("mqn-aliased").description
    )


def test_a_card_that_is_too_long_for_a_description_says_where_the_rest_is(tmp_path):
    (tmp_path / "MODEL_CARD.md").write_text("word " * 2000)
    told = _card(tmp_path)
    assert len(told) == 5000
    assert told.endswith("(the rest stands in MODEL_CARD.md, among the version's files)")


def test_a_trial_that_is_not_logged_cannot_be_registered(uri, tmp_path, bundle):
    with Tracker(uri, tmp_path / "spool") as tracker, pytest.raises(TrackingError, match="trial 0 of study 'absent'"):
        tracker.register_bundle("mqn", bundle, study="absent", number=0, tags={})


def test_a_server_that_is_away_says_so(dead_uri, tmp_path, trial, bundle):
    with Tracker(dead_uri, tmp_path / "spool") as tracker, pytest.raises(TrackingError, match=r"127\.0\.0\.1"):
        tracker.register_bundle("mqn", bundle, study="absent", number=0, tags={})
