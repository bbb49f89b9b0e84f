from __future__ import annotations

import json
import socket

import pytest

from mqn.errors import TrackingError
from mqn.track.connection import connect
from mqn.track.tracker import Tracker
from mqn.track.ui.pages import VIEW_TAG, study_links, table_view
from mqn.track.ui.server import PagesServer


def test_a_view_shows_trials_with_objectives_and_what_varies():
    view = json.loads(table_view({"psnr_tm": "maximize", "latency_ms.p50/board": "minimize"}, ["arch.attention"]))
    assert view["searchFilter"] == "tags.`mqn.role` = 'trial'"
    assert (view["orderByKey"], view["orderByAsc"]) == ("metrics.`psnr_tm`", False)
    columns = ["metrics.`psnr_tm`", "metrics.`latency_ms.p50/board`", "params.`arch.attention`"]
    assert view["selectedColumns"] == columns
    assert json.loads(table_view({"size_bytes": "minimize"}, []))["orderByAsc"]


def test_a_view_fits_into_a_tag():
    assert len(table_view({"psnr_tm": "maximize"}, [f"arch.a_rather_long_name_{i}" for i in range(500)])) < 5000


@pytest.mark.integration
def test_each_study_has_its_page(tmp_path):
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.open_study("older", {}, {})
        tracker.flush()  # Studies are sent side by side; this one gets the first number.
        tracker.open_study("newer", {}, {}, goals={"latency_ms/board": "minimize"}, varied=["arch.attention"])
        tracker.flush()
    connect(uri).create_experiment("somebody else's")
    links = study_links(uri, "http://me:pw@host:5000/")
    assert links == {
        "newer": "http://host:5000/#/experiments/2/runs?viewStateShareKey=mqn&workflowType=machine_learning",
        "older": "http://host:5000/#/experiments/1/runs?searchFilter=tags.%60mqn.role%60+%3D+%27trial%27"
        "&workflowType=machine_learning",
    }
    view = json.loads(connect(uri).get_experiment_by_name("newer").tags[VIEW_TAG])
    assert view["orderByKey"] == "metrics.`latency_ms.p50/board`"


def test_a_port_that_is_taken_is_told_at_once(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(TrackingError, match=f"cannot listen on 127.0.0.1:{port}: .*--port, 0 takes a free one"):
            PagesServer(f"sqlite:///{tmp_path}/mlflow.db", "127.0.0.1", port, tmp_path)


@pytest.mark.integration
def test_a_server_that_ends_says_how(tmp_path):
    (tmp_path / "mlflow.db").write_bytes(b"no database")
    uri = f"sqlite:///{tmp_path}/mlflow.db?password=s3cret"
    with pytest.raises(TrackingError, match="MLflow ended with 1: ") as caught, PagesServer(uri, "::1", 0, tmp_path):
        pass
    assert "s3cret" not in str(caught.value)
