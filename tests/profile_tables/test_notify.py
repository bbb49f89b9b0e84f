from __future__ import annotations

import pytest

from mqn.errors import ConfigError
from mqn.profile import load_profile
from mqn.profile_tables.notify import NotifyProfile
from mqn.text.redaction import redact


def test_nobody_is_told_unless_asked_for():
    assert not NotifyProfile().wanted
    assert not NotifyProfile(command=("program",), on=()).wanted
    assert NotifyProfile(command=("program",)).wanted


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com/T0/B1", "http://127.0.0.1:9/x", "http://localhost/", "http://[::1]/"]
)
def test_webhooks_are_https_or_on_this_machine(url):
    assert NotifyProfile(webhook=url).address == url


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("http://hooks.example.com/T0/B1", "plain http is for this machine alone"),
        ("http://127.0.0.1.example.com/", "plain http is for this machine alone"),
        ("http://localhost@example.com/", "plain http is for this machine alone"),
        ("ftp://127.0.0.1/", "begins with https://"),
        ("https:///x", "begins with https://"),
        ("hooks.example.com", "begins with https://"),
        ("https://example.com/\nx", "begins with https://"),
        ("https://[::1", "begins with https://"),
    ],
)
def test_other_addresses_are_refused_and_not_repeated(url, line):
    with pytest.raises(ValueError, match=line) as raised:
        NotifyProfile(webhook=url)
    assert url not in str(raised.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"command": ("", "x")},
        {"webhook": "https://a/", "webhook_env": "A"},
        {"failures_of": 0},
        {"failures_share": 0.0},
        {"failures_share": 1.1},
        {"timeout_seconds": 0.0},
        {"timeout_seconds": 61.0},
        {"timeout_seconds": float("nan")},
    ],
)
def test_values_out_of_range_are_refused(changes):
    with pytest.raises(ValueError, match=r"must|both"):
        NotifyProfile(**changes)


def test_a_profile_s_webhook_is_hidden_from_all_that_is_printed(tmp_path):
    path = tmp_path / "p.toml"
    path.write_text('[notify]\nwebhook = "https://hooks.example.com/services/T01/B02/c3Rhcg"\n')
    assert load_profile(str(path)).notify.wanted
    assert "c3Rhcg" not in redact("posting to https://hooks.example.com/services/T01/B02/c3Rhcg failed")
    path.write_text('[notify]\non = ["ends"]\n')
    with pytest.raises(ConfigError, match=r"notify\.on"):
        load_profile(str(path))
