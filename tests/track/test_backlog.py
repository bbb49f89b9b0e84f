"""What the tracking server does not take: it waits, is tried again, holds nothing else up, and is named."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from filelock import FileLock
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from mqn.track.connection import connect
from mqn.track.entries import study_entry, trial_entry
from mqn.track.sending import delivery
from mqn.track.sending.delivery import Backlog
from mqn.track.sending.sender import UNSTORED, Sender
from mqn.track.spool import Spool, other_queues, server_queue
from mqn.track.tracker import Tracker

pytestmark = pytest.mark.integration  # Every test opens an MLflow database, some of them servers.


def children(uri, study):
    client = connect(uri)
    found = client.search_runs([client.get_experiment_by_name(study).experiment_id], "tags.`mqn.role` = 'trial'")
    return sorted(found, key=lambda run: int(run.data.tags["mqn.trial"]))


def files(uri, run):
    return sorted(file.path for file in connect(uri).list_artifacts(run.info.run_id))


@pytest.fixture
def blocked(uri, tmp_path):
    """An experiment whose files belong where a file stands in the way."""
    root = tmp_path / "root"
    root.write_text("in the way")
    study = f"blocked {tmp_path.name}"
    connect(uri).create_experiment(study, root.as_uri())
    return study, root


def test_a_server_that_is_away_delays_and_loses_nothing(tmp_path, trial):
    database = tmp_path / "there" / "mlflow.db"
    (tmp_path / "there").write_text("in the way")
    uri = f"sqlite:///{database}"
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.open_study("away", {}, {})
        tracker.log_trial(trial("away", 0))
        backlog = tracker.close_study("away", {"hypervolume": 2.0})
    assert (backlog.left, backlog.refused, backlog.unstored) == (3, 0, 0)
    assert str(backlog).startswith("3 entries wait: ")
    (tmp_path / "there").unlink()
    with Tracker(uri, tmp_path / "spool") as tracker:
        assert not tracker.flush()
    assert [run.info.status for run in children(uri, "away")] == ["FINISHED"]
    client = connect(uri)
    experiment = client.get_experiment_by_name("away")
    (parent,) = client.search_runs([experiment.experiment_id], "tags.`mqn.role` = 'study'")
    assert (parent.info.status, parent.data.metrics) == ("FINISHED", {"hypervolume": 2.0})


def test_a_database_of_another_mlflow_or_without_its_driver_is_a_line_that_nothing_is_tracked(tmp_path, trial, caplog):
    database = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("INSERT INTO alembic_version VALUES ('to come')")
    lines = {
        f"sqlite:///{database}": "cannot be used: Can't locate revision identified by 'to come'",
        "mysql://me:marked@far/x": "needs the database driver MySQLdb: pip install mysqlclient",
    }
    for uri, words in lines.items():
        with Tracker(uri, tmp_path / "spool") as tracker:
            tracker.log_trial(trial("a", 0))
            assert tracker.flush().left == 1
        line = [record.getMessage() for record in caplog.records if record.name == "mqn.track.sending.rounds"][-1]
        assert line.startswith("nothing is tracked so far, entries wait in the spool: the tracking database")
        assert line.endswith(words)
        assert "marked" not in caplog.text


def test_what_waits_for_one_server_is_never_sent_to_another(uri, dead_uri, tmp_path, trial):
    with Tracker(dead_uri, tmp_path / "spool") as tracker:
        tracker.log_trial(trial("elsewhere", 0))
        assert tracker.flush().left == 1
    with Tracker(uri, tmp_path / "spool") as tracker:
        assert not tracker.flush()
        assert connect(uri).get_experiment_by_name("elsewhere") is None
    assert other_queues(tmp_path / "spool", uri) == {dead_uri: 1}


def test_a_queue_stays_the_same_when_a_password_changes(tmp_path):
    old, new = (server_queue(tmp_path, f"http://me:{password}@host/") for password in ("old", "new"))
    assert old == new != server_queue(tmp_path, "http://you:old@host/")
    Spool(tmp_path, "http://me:s3cret@host")
    assert "s3cret" not in "".join(path.read_text() for path in tmp_path.rglob("*.txt"))


def test_entries_of_an_older_version_are_named_and_sent_once_they_are_moved(uri, tmp_path, trial, caplog):
    root = tmp_path / "spool"
    spool = Spool(root, uri)
    spool.add(trial_entry("00000000000000000001-7-000000", trial("older", 0), curves=[], tags={}, artifacts={}))
    folder = spool.study_folder("older")
    (folder / "0.json").write_text(json.dumps({"id": "0"}))
    folder.rename(root / "older")
    with Tracker(uri, root) as tracker:
        assert not tracker.flush()
    assert f"entries of a version before 0.1.0 in {root}: 2;" in caplog.text
    assert f"move its folders ['older'] to {spool.folder}, then mqn track resend" in caplog.text
    (root / "older").rename(folder)
    caplog.clear()
    with Tracker(uri, root) as tracker:
        backlog = tracker.flush()
    assert "older" not in caplog.text.partition("refused")[0]
    assert (backlog.left, backlog.refused) == (0, 1)
    assert "missing" in backlog.reason
    assert len(children(uri, "older")) == 1


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_that_is_broken_delays_too(tmp_path, trial, status):
    class Broken(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(status)

        def do_POST(self):
            self.send_error(status)

        def log_message(self, *arguments):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Broken) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Tracker(f"http://127.0.0.1:{server.server_port}", tmp_path / "spool") as tracker:
            tracker.log_trial(trial("broken", 0))
            backlog = tracker.flush()
        server.shutdown()
    assert (backlog.left, backlog.refused) == (1, 0)
    assert str(status) in backlog.reason


def test_what_was_refused_is_sent_when_the_cause_is_mended(uri, tmp_path, trial):
    client = connect(uri)
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.log_trial(trial("restored", 0))
        assert not tracker.flush()
        experiment = client.get_experiment_by_name("restored").experiment_id
        client.delete_experiment(experiment)
        tracker.log_trial(trial("restored", 1))
        tracker.close_study("restored", {"hypervolume": 1.0})
        tracker.log_trial(trial("beside", 0))
        backlog = tracker.flush()
        assert (backlog.left, backlog.refused) == (0, 2)
        assert "experiment 'restored' is deleted in MLflow; restore it" in str(backlog)
        assert len(children(uri, "beside")) == 1
        client.restore_experiment(experiment)
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.open_study("another", {}, {})  # The next run, whatever it logs.
        tracker.flush()
        assert not tracker.waiting()
    assert [run.data.tags["mqn.trial"] for run in children(uri, "restored")] == ["0", "1"]


def test_figures_are_logged_where_files_cannot_be_stored_and_the_files_follow(uri, tmp_path, trial, model, blocked):
    study, root = blocked
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.log_trial(trial(study, 0), artifacts={"model": model, "gone": tmp_path / "none"})
        tracker.log_trial(trial(study, 1), artifacts={"model": model})
        tracker.log_trial(trial(study, 2))
        backlog = tracker.flush()
        assert (backlog.left, backlog.refused, backlog.unstored) == (0, 0, 2)
        assert root.as_uri() in str(backlog)
        assert "mlflow server --serve-artifacts" in str(backlog)
        found = children(uri, study)
        assert [run.info.status for run in found] == ["FINISHED"] * 3
        assert found[1].data.metrics["psnr_tm"] == 25.5
        assert [run.data.tags.get(UNSTORED) for run in found] == ["model", "model", None]
        root.unlink()
        assert not tracker.flush()
    found = children(uri, study)
    assert [files(uri, run) for run in found[:2]] == [["model"], ["model"]]
    assert UNSTORED not in found[0].data.tags
    assert found[0].data.tags["missing_artifacts"] == "gone"


def test_a_driver_killed_before_it_put_the_files_aside_stores_them_later(uri, tmp_path, trial, model, blocked):
    study, root = blocked
    entry = trial_entry("1-1-1-t0", trial(study, 0), curves=[], tags={}, artifacts={"model": model})
    assert Sender(uri).send(entry) is not None  # ... and the entry is still there.
    root.unlink()
    assert Sender(uri).send(entry) is None
    assert [files(uri, run) for run in children(uri, study)] == [["model"]]


def test_files_of_a_run_that_somebody_deleted_are_let_go(uri, tmp_path, trial, model, blocked):
    study, _ = blocked
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.log_trial(trial(study, 0), artifacts={"model": model})
        assert tracker.flush().unstored == 1
        connect(uri).delete_run(children(uri, study)[0].info.run_id)
        assert not tracker.flush()


def test_a_study_whose_run_somebody_deleted_goes_on(uri, tmp_path, trial):
    client = connect(uri)
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.open_study("run deleted", {"seed": 1}, {})
        tracker.flush()
        experiment = client.get_experiment_by_name("run deleted").experiment_id
        client.delete_run(client.search_runs([experiment])[0].info.run_id)
        tracker.log_trial(trial("run deleted", 0))
        assert not tracker.close_study("run deleted", {"hypervolume": 1.0})
    roles = sorted(run.data.tags["mqn.role"] for run in client.search_runs([experiment]))
    assert roles == ["study", "trial"]


def test_one_entry_that_fails_holds_up_no_other(uri, tmp_path, trial, monkeypatch):
    send = Sender.send

    def fail(self, entry, stalled):
        if entry.trial == 0:
            raise MlflowException("500 for this one")
        return send(self, entry, stalled)

    with Tracker(uri, tmp_path / "spool") as tracker:
        monkeypatch.setattr(Sender, "send", fail)
        for number in range(3):
            tracker.log_trial(trial("one fails", number))
        backlog = tracker.flush()
        assert (backlog.left, backlog.reason) == (1, "500 for this one")
        assert [run.data.tags["mqn.trial"] for run in children(uri, "one fails")] == ["1", "2"]
        monkeypatch.undo()
        assert not tracker.flush()


def test_a_study_that_another_process_sends_stops_no_other(uri, tmp_path, trial):
    spool = Spool(tmp_path / "spool", uri)
    spool.add(trial_entry(spool.new_id(0), trial("a theirs", 0), curves=[], tags={}, artifacts={}))
    (folder,) = spool.studies()
    with spool.sending(folder) as ours, Tracker(uri, tmp_path / "spool") as tracker:
        assert ours
        tracker.log_trial(trial("b ours", 0))
        backlog = tracker.flush()
        assert (backlog.left, backlog.reason) == (1, "another process sends study 'a theirs'")
        assert len(children(uri, "b ours")) == 1
    with spool.sending(folder) as again:
        assert again


def test_a_study_that_ends_waits_for_another_process_that_sends_it(uri, tmp_path, monkeypatch):
    tracker = Tracker(uri, tmp_path / "spool")
    tracker.open_study("shared", {}, {})
    assert not tracker.flush()
    lock = FileLock(next(server_queue(tmp_path / "spool", uri).glob("shared")) / ".lock")
    lock.acquire()
    monkeypatch.setattr(delivery, "_wait_for_others", lock.release)
    assert not tracker.close_study("shared", {"trials": 1.0})
    tracker.close()


def test_entries_of_one_run_keep_their_order(uri, tmp_path, monkeypatch):
    sent = []
    monkeypatch.setattr(Sender, "send", lambda self, entry, stalled: sent.append(entry.id))
    with Tracker(uri, tmp_path / "spool") as tracker:
        for seed in range(5):
            tracker.open_study("ordered", {"seed": seed}, {})
        tracker.close_study("ordered", {})
    assert len(sent) == 6
    assert sent == sorted(sent)


def test_a_server_that_hangs_is_not_waited_for_before_a_measurement(uri, tmp_path, trial, monkeypatch):
    monkeypatch.setattr(delivery, "_QUIET_SECONDS", 0.01)
    hangs, goes_on = threading.Event(), threading.Event()

    def hang(self, entry, stalled):
        hangs.set()
        assert goes_on.wait(60)

    monkeypatch.setattr(Sender, "send", hang)
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.log_trial(trial("hangs", 0))
        tracker.log_trial(trial("hangs", 1))
        assert hangs.wait(60)
        tracker.quiesce()
        assert tracker.waiting().left == 2
        goes_on.set()
        assert not tracker.flush()


def test_a_tracker_may_be_closed_twice(uri, tmp_path, trial):
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.log_trial(trial("closed twice", 0))
        tracker.close()
    assert len(children(uri, "closed twice")) == 1


def test_the_studys_own_experiment_is_described_unless_a_person_did(uri, tmp_path):
    client = connect(uri)

    def note():
        return client.get_experiment_by_name("described").tags.get("mlflow.note.content")

    with Tracker(uri, tmp_path / "spool") as tracker:
        for about in ("first", "second"):
            tracker.open_study("described", {}, {}, about=about)
            tracker.flush()
            assert note() == about
        client.set_experiment_tag(client.get_experiment_by_name("described").experiment_id, "mlflow.note.content", "me")
        tracker.open_study("described", {}, {}, about="third")
        tracker.flush()
        assert note() == "me"


@pytest.mark.parametrize("study", ["Default", "somebody's"])
def test_an_experiment_that_somebody_else_made_gets_its_files_beside_the_database(
    tmp_path, trial, model, study, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path}/kept/mlflow.db"
    if study != "Default":
        connect(uri).create_experiment(study)
    with Tracker(uri, tmp_path / "spool") as tracker:
        tracker.log_trial(trial(study, 0), artifacts={"model": model})
        assert not tracker.flush()
    (run,) = children(uri, study)
    assert files(uri, run) == ["model"]
    assert run.info.artifact_uri.startswith((tmp_path / "kept" / "mlartifacts" / study).as_uri())
    assert not Path("mlruns").exists()


def test_no_secret_is_put_into_a_run():
    url = "s3://key:s3cret@bucket/photos"
    entry = study_entry(
        "1", "s", params={"data": url}, metrics={}, tags={"at": url}, artifacts={}, status="RUNNING", about=url
    )
    assert "s3cret" not in json.dumps([entry.params, entry.tags, entry.about])


def test_a_backlog_reads_as_a_line():
    assert not Backlog()
    assert str(Backlog()) == ""
    assert str(Backlog(left=1, refused=2, unstored=1, reason="why")) == (
        "1 entry waits, 2 entries were refused, 1 run lacks its files: why"
    )


def test_a_spool_that_fails_while_it_is_emptied_ends_no_study(uri, tmp_path, trial, monkeypatch):
    unlink = Path.unlink

    def full(path, *, missing_ok=False):
        if path.is_relative_to(tmp_path / "spool") and path.suffix == ".json":
            raise OSError(28, "No space left on device")
        unlink(path, missing_ok=missing_ok)

    with Tracker(uri, tmp_path / "spool") as tracker:
        monkeypatch.setattr(Path, "unlink", full)
        tracker.log_trial(trial("disk", 0))
        backlog = tracker.flush()
        assert (backlog.left, backlog.reason) == (1, "[Errno 28] No space left on device")
        monkeypatch.undo()
        assert not tracker.flush()
    assert len(children(uri, "disk")) == 1


def test_a_server_that_lets_nobody_write_into_one_study_holds_up_no_other(uri, tmp_path, trial, monkeypatch):
    send = Sender.send

    def forbid(self, entry, stalled):
        if entry.study == "a forbidden":
            raise MlflowException("Permission denied", PERMISSION_DENIED)
        return send(self, entry, stalled)

    monkeypatch.setattr(Sender, "send", forbid)
    with Tracker(uri, tmp_path / "spool") as tracker:
        for number in range(5):
            tracker.log_trial(trial("a forbidden", number))
        tracker.log_trial(trial("b allowed", 0))
        backlog = tracker.flush()
    assert (backlog.left, backlog.refused) == (5, 0)
    assert "Permission denied" in backlog.reason
    assert len(children(uri, "b allowed")) == 1
