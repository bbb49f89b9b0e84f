"""The process that talks to MLflow, as a process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mqn.track.connection import connect
from mqn.track.entries import trial_entry
from mqn.track.sending.process import SenderProcess
from mqn.track.spool import Spool

pytestmark = pytest.mark.integration  # Each process imports MLflow.

STARTS_ONE = """
import sys, time
from mqn.track.sending.process import SenderProcess
sender = SenderProcess("sqlite:///absent/mlflow.db")
sender.start()
print(sender._process.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(scope="module")
def sender(uri: str) -> Iterator[SenderProcess]:
    sender = SenderProcess(uri)
    yield sender
    sender.close()


@pytest.fixture
def entry(uri, tmp_path, trial):
    """Makes the file of an entry."""
    spool = Spool(tmp_path / "spool", uri)

    def make(study: str, number: int) -> Path:
        made = trial_entry(spool.new_id(number), trial(study, number), curves=[], tags={}, artifacts={})
        spool.add(made)
        return spool.study_folder(study) / f"{made.id}.json"

    return make


def test_an_entry_is_sent_from_another_process_and_stays_in_the_spool(uri, sender, entry):
    path = entry("elsewhere", 0)
    outcome = sender.send(path, "")
    assert (outcome.failed, outcome.refused, outcome.unstored) == ("", "", None)
    assert path.is_file()
    client = connect(uri)
    runs = client.search_runs([client.get_experiment_by_name("elsewhere").experiment_id], "tags.`mqn.trial` = '0'")
    assert len(runs) == 1
    assert sender.answers()


def test_several_entries_are_on_their_way_at_a_time(sender, entry):
    paths = [entry("at a time", number) for number in range(8)]
    outcomes = []
    threads = [threading.Thread(target=lambda path=path: outcomes.append(sender.send(path, ""))) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [(outcome.failed, outcome.refused) for outcome in outcomes] == [("", "")] * 8


def test_a_file_that_is_no_entry_is_refused_in_a_line(sender, tmp_path):
    path = tmp_path / "0-1-2-t3.json"
    path.write_text("{", encoding="utf-8")
    outcome = sender.send(path, "")
    assert str(path) in outcome.refused
    assert "\n" not in outcome.refused


def test_a_process_that_is_killed_fails_the_entry_in_hand_and_another_takes_the_next(sender, entry):
    path = entry("killed", 0)
    sender.start()
    victim = sender._process
    os.kill(victim.pid, signal.SIGSTOP)
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(sender.send(path, "")))
    thread.start()
    time.sleep(0.2)
    os.kill(victim.pid, signal.SIGKILL)
    thread.join(60)
    (outcome,) = outcomes
    assert outcome.failed.startswith("the process that sends to the tracking server ended: ")
    assert "SIGKILL" in outcome.failed
    assert not outcome.away
    assert sender.send(path, "").failed == ""
    assert sender._process.pid != victim.pid


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_group_leaves_it_to_the_parent(sender, entry, number):
    assert sender.answers()
    pid = sender._process.pid
    os.kill(pid, number)
    assert sender.send(entry("signalled", number), "").failed == ""
    assert sender._process.pid == pid


def test_a_bug_is_raised_where_it_can_be_seen_and_the_process_goes_on(sender, entry):
    with pytest.raises(RuntimeError, match="TypeError"):
        sender._ask("send")
    assert sender.send(entry("after a bug", 0), "").failed == ""


def test_a_password_stands_in_no_argument(tmp_path):
    sender = SenderProcess("postgresql://me:s3cret@127.0.0.1:9/mlflow")
    try:
        sender.start()
        assert b"s3cret" not in Path(f"/proc/{sender._process.pid}/cmdline").read_bytes()
    finally:
        sender.close()


def test_it_ends_with_the_process_that_started_it(tmp_path):
    parent = subprocess.Popen([sys.executable, "-c", STARTS_ONE], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 30
    while running(pid):
        assert time.monotonic() < end, "it goes on without its parent"
        time.sleep(0.05)


def running(pid: int) -> bool:
    """Whether a process is there, and is more than an entry in the table."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
