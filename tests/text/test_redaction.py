from __future__ import annotations

import base64
import json
import logging
from urllib.parse import quote

import pytest

from mqn.text import redaction
from mqn.text.redaction import hide, hide_url, quiet_logger, redact, redact_url, shortened

SECRET = "Mark3d/Pa:ss@word"  # what SQLAlchemy's URLs let pass unencoded, and more


@pytest.fixture(autouse=True)
def _nothing_known(monkeypatch):
    monkeypatch.setattr(redaction, "_hidden", set())


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("postgresql://user:pw@db/mqn", "postgresql://user:***@db/mqn"),
        (f"postgresql+psycopg://user:{SECRET}@db:5432/mqn", "postgresql+psycopg://user:***@db:5432/mqn"),
        (f"mysql://user:{quote(SECRET, safe='')}@db/mqn?charset=utf8", "mysql://user:***@db/mqn?charset=utf8"),
        ("redis://:pw@host:6379/0", "redis://:***@host:6379/0"),
        ("cannot open 'http://user:pw@[::1]:5000/x'; wait", "cannot open 'http://user:***@[::1]:5000/x'; wait"),
        ("https://ghp_0123@github.com/x", "https://***@github.com/x"),
        ("ssh://user@host/path", "ssh://user@host/path"),
        ("postgresql:///mqn?host=db&password=pw&user=u", "postgresql:///mqn?host=db&password=***&user=u"),
        ("?sslpassword=pw&sslmode=require", "?sslpassword=***&sslmode=require"),
        (
            "https://b.s3/x?X-Amz-Credential=AK/2026&X-Amz-Signature=0a1b&X-Amz-Date=1",
            "https://b.s3/x?X-Amz-Credential=***&X-Amz-Signature=***&X-Amz-Date=1",
        ),
        ("https://a.blob/x?sv=1&sig=a%2Fb", "https://a.blob/x?sv=1&sig=***"),
        ("host=db user=u password='p w' dbname=d", "host=db user=u password='***' dbname=d"),
        ('{"access_token": "abc", "user": "u"}', '{"access_token": "***", "user": "u"}'),
        (r'{"password": "a\"b\\", "x": "y"}', '{"password": "***", "x": "y"}'),
        (r'"{\"password\": \"ab\", \"x\": 1}"', r'"{\"password\": \"***\", \"x\": 1}"'),
        ("{'aws_secret_access_key': 'a/b+c'}", "{'aws_secret_access_key': '***'}"),
        ("AWS_SECRET_ACCESS_KEY=a/b+c mqn search", "AWS_SECRET_ACCESS_KEY=*** mqn search"),
        ("Authorization: Basic dXNlcjpwdw==", "Authorization: ***"),
        ("{'Authorization': 'Bearer abc'}", "{'Authorization': '***'}"),
        ("sent bearer abcdef0123456789", "sent bearer ***"),
        ("the key AKIAIOSFODNN7EXAMPLE is refused", "the key *** is refused"),
    ],
)
def test_passwords_tokens_and_keys_are_taken_out(text, left):
    assert redact(text) == left
    assert redact(left) == left


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:5000/#/experiments/1/runs",
        "sqlite:////home/me/.mqn/study.db",
        "token_env and token_file are both set; keep one of them",
        'token_file = "tokens/board"',
        "the server wants a token: give token_env in the profile",
        "bearer authentication is needed",
        "s3://bucket/folder, user@host, ssh:user@host",
        "",
    ],
)
def test_other_text_stays(text):
    assert redact(text) == text


def test_the_secrets_of_the_environment_are_taken_out_wherever_they_stand(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", SECRET)
    monkeypatch.setenv("BOARD_TOKEN", "t0k3n-of-the-board")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:fr0m%20url@db/x")
    forms = (
        SECRET,
        quote(SECRET),
        quote(SECRET, safe="").lower(),
        json.dumps(SECRET),
        "t0k3n-of-the-board",
        "fr0m url",
    )
    for form in (*forms, base64.b64encode(SECRET.encode()).decode()):
        assert "***" in redact(f"password {form} is wrong")
        assert form.strip('"') not in redact(f"password {form} is wrong")
    monkeypatch.delenv("BOARD_TOKEN")
    assert redact("t0k3n-of-the-board") == "t0k3n-of-the-board"


def test_the_folder_that_a_shell_stands_in_is_no_password(monkeypatch):
    monkeypatch.setenv("PWD", "/home/anna/photos")
    monkeypatch.setenv("OLDPWD", "/home/anna/models")
    monkeypatch.setenv("DB_PWD", "of-the-database")
    assert redact("/home/anna/photos /home/anna/models of-the-database") == "/home/anna/photos /home/anna/models ***"


def test_what_was_hidden_is_taken_out_and_short_words_are_left_in_text():
    hide("very-s3cret", None, "", "mlflow", "abc")
    hide_url("postgresql://mlflow:with space's@db/x?sslpassword=c3rtificate")
    assert redact("a very-s3cret b with space's c c3rtificate") == "a *** b *** c ***"
    assert redact("mlflow knows the abc") == "mlflow knows the abc"
    assert redact("http://me:abc@host") == "http://me:***@host"


def test_a_log_record_is_redacted_with_its_exception(caplog):
    log = quiet_logger("mqn.test_redaction")
    assert quiet_logger("mqn.test_redaction").filters == log.filters
    try:
        raise ValueError("http://u:pw1@h")
    except ValueError:
        log.exception("cannot reach %s", "http://u:pw2@h", extra={})
    assert "http://u:***@h" in caplog.text
    assert "pw1" not in caplog.text
    assert "pw2" not in caplog.text
    assert logging.getLogger("mqn.test_redaction") is log


@pytest.mark.slow
def test_long_text_takes_no_time_to_speak_of():
    texts = ["a" * 200_000, "a:" * 100_000, "://" * 70_000, "password" * 30_000, "x=" * 100_000, "u://a:" * 40_000]
    texts += ['token="' * 50_000, 'password="' + "\\" * 100_000, 'password=\\"' * 30_000, "password" + " " * 50_000]
    for text in texts:
        redact(text)


@pytest.mark.parametrize("password", ["it's", 'a"b', "a b", "<a>", "`a`", "a\nb"])
def test_a_url_by_itself_may_hold_any_sign_in_its_password(password):
    assert redact_url(f"postgresql://u:{password}@db/x?a=b") == "postgresql://u:***@db/x?a=b"


def test_a_secret_is_known_in_json_of_any_letters_and_in_bytes():
    hide('gehe\u00ef"m-wort')
    told = json.dumps({"a": 'gehe\u00ef"m-wort'}, ensure_ascii=False)
    assert redact(told) == '{"a": "***"}'
    assert redact("token=b'abc'") == "token=b'***'"
    assert redact("https://host/x?key=abc&size=3") == "https://host/x?key=***&size=3"
    assert redact("password='cut off") == "password='*** off"


def test_what_parsers_take_for_a_host_is_no_longer_told():
    hide_url("postgresql://u:first-part@second-part/third-part@db/x")
    assert redact("failed to resolve host 'second-part'") == "failed to resolve host '***'"
    assert redact("no such file: third-part") == "no such file: ***"


def test_a_text_is_cut_only_where_no_secret_is_cut():
    hide("a-long-hidden-word")
    assert shortened("x a-long-hidden-word y", 8) == "x *** y"
    assert shortened("http://u:a-password-of-many-letters@host/x", 20) == "http://u:***@host/x"
    assert shortened("abcdef", 3) == "abc..."
