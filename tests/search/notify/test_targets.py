"""Programs and servers that are really there, and that do what a target must not do to a study."""

from __future__ import annotations

import json
import os
import socket
import threading
import time

import pytest

from mqn.profile_tables.notify import NotifyProfile
from mqn.search.notify.event import Event
from mqn.search.notify.targets import Command, Webhook, targets_of, try_targets
from mqn.text.redaction import hide

BODY = b'{"event": "test"}'


def test_a_program_gets_the_document_on_its_input(program, tmp_path):
    assert Command(program(f"cat > {tmp_path}/told"), 10).send(BODY) == ""
    assert (tmp_path / "told").read_bytes() == BODY


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exit 3", "ended with code 3"),
        ("exec < /dev/null", ""),  # It need not read.
        ("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2", ""),  # Nobody reads megabytes.
    ],
)
def test_what_a_program_does_is_told_by_its_code(program, script, why):
    assert Command(program(script), 10).send(BODY * 10_000) == why


def test_a_program_that_hangs_ends_with_all_that_it_started(program, tmp_path):
    script = f"sleep 60 & echo $! > {tmp_path}/child; wait"
    assert Command(program(script), 0.3).send(BODY) == "did not end within 0.3 s"
    child = int((tmp_path / "child").read_text())
    for _ in range(500):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        if (tmp_path / "/proc" / str(child) / "stat").read_text().split()[2] == "Z":
            return
        time.sleep(0.01)
    raise AssertionError("the child runs on")


def test_a_program_ends_with_the_driver(program):
    command = Command(program("sleep 60"), 60)
    command.stop()  # Nothing runs yet.
    said = []
    thread = threading.Thread(target=lambda: said.append(command.send(BODY)))
    thread.start()
    while thread.is_alive():
        command.stop()
        thread.join(0.01)
    assert said == ["ended with code -9"]


def test_a_program_that_is_not_there_is_said(tmp_path):
    assert Command((str(tmp_path / "absent"),), 10).send(BODY) == "cannot be started (No such file or directory)"


def test_a_webhook_gets_the_document(hook):
    assert Webhook(hook.url, 10).send(BODY) == ""
    assert hook.told == [{"event": "test"}]
    assert hook.headers[0]["Content-Type"] == "application/json"


def test_an_answer_counts_by_its_code_alone(hook):
    target = Webhook(hook.url, 10)
    hook.code = 500
    assert target.send(BODY) == "answers 500"
    hook.code = 302
    assert target.send(BODY) == "answers 302"  # A redirect may lead anywhere.
    hook.code, hook.body = 200, b"x" * 5_000_000
    assert target.send(BODY) == ""


def test_a_webhook_that_hangs_or_is_away(hook):
    hook.silent.clear()
    assert Webhook(hook.url, 0.2).send(BODY) == "does not answer within 0.2 s"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert Webhook(f"http://127.0.0.1:{port}/", 5).send(BODY).startswith("cannot be reached (")


def test_no_proxy_stands_between_this_machine_and_itself(hook, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert Webhook(hook.url, 5).send(BODY) == ""


def test_a_webhook_s_address_may_be_in_the_environment(hook, monkeypatch):
    profile = NotifyProfile(webhook_env="HOOK")
    assert targets_of(profile) == ([], ["notify.webhook_env: HOOK is not set, so the webhook is not told"])
    monkeypatch.setenv("HOOK", "http://example.com/")
    assert targets_of(profile)[1] == [
        "notify: webhook: plain http is for this machine alone, anybody on the way could read it; use https"
    ]
    monkeypatch.setenv("HOOK", hook.url)
    assert try_targets(profile) == (["webhook"], [])
    assert hook.told[0]["event"] == "test"


def test_a_test_says_who_took_it_and_who_did_not(hook, program):
    hook.code = 404
    profile = NotifyProfile(command=program("exit 0"), webhook=hook.url)
    assert try_targets(profile) == (["command"], ["the webhook answers 404"])


def test_a_document_is_json_without_secrets():
    hide("hunter-two-secret")
    event = Event(
        kind="front", key="front/3", text="at https://me:pass-word@host/ and hunter-two-secret", facts={"n": 3}
    )
    told = json.loads(event.document("first", 0.0))
    assert (told["event"], told["study"], told["at"], told["n"]) == ("front", "first", "1970-01-01T00:00:00Z", 3)
    assert "pass-word" not in told["text"]
    assert "hunter" not in told["text"]
