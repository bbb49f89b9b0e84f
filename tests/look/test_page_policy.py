import base64
import hashlib

from mqn.look.page_policy import plain_lines, policy


def test_only_the_scripts_that_are_named_run() -> None:
    digest = base64.b64encode(hashlib.sha256(b"draw()").digest()).decode()
    told = policy(["draw()"])
    assert f"script-src 'sha256-{digest}';" in told
    assert "default-src 'none';" in told
    assert "unsafe-eval" not in told
    assert told.count('"') == 4


def test_a_page_without_scripts_runs_none() -> None:
    assert "script-src 'none';" in policy()


def test_lines_end_as_a_browser_reads_them() -> None:
    assert plain_lines("a\r\nb\rc\n") == "a\nb\nc\n"
