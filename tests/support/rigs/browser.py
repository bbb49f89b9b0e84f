"""Chromium, driven as a person would: over WebDriver, whose words are plain HTTP, by way of chromedriver."""

from __future__ import annotations

import base64
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from tests.support.rigs.waiting import wait_until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # as WebDriver's standard names it
_ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--enable-unsafe-swiftshader",
    "--window-size=1400,900",
)


class Browser:
    """A browser of its own, which reaches this machine only."""

    def __init__(self, folder: Path) -> None:
        if CHROMIUM is None or DRIVER is None:
            pytest.skip("needs chromium and chromedriver, which are not installed")
        self._folder = folder
        command = [DRIVER, "--port=0", f"--log-path={folder / 'chromedriver.log'}"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        begun = next(line for line in self._process.stdout if "successfully" in line)
        port = begun.rsplit(" ", 1)[1].strip(" .\n")
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60)
        options = {"binary": CHROMIUM, "args": [*_ARGUMENTS, f"--user-data-dir={folder / 'user'}"]}
        wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{made['sessionId']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._ask("DELETE", self._session)
        finally:
            self._http.close()
            self._process.terminate()
            self._process.wait(10)

    def go(self, address: str) -> None:
        """Open an address; returns once the page's own files are there."""
        self._ask("POST", f"{self._session}/url", {"url": address})

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page; it returns by `return`."""
        return self._ask("POST", f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, script: str, *arguments: Any, seconds: float = 90.0) -> Any:
        """Wait until a script returns something true, and give that."""
        found: list[Any] = []

        def look() -> bool:
            found[:] = [self.run(script, *arguments)]
            return bool(found[0])

        wait_until(look, seconds, f"{script!r} {arguments}")
        return found[0]

    def count(self, css: str) -> int:
        return int(self.run("return document.querySelectorAll(arguments[0]).length", css))

    def text(self, css: str = "body") -> str:
        return str(self.run("return document.querySelector(arguments[0])?.innerText ?? ''", css))

    def wait_text(self, css: str, words: str, seconds: float = 90.0) -> str:
        script = (
            "const text = document.querySelector(arguments[0])?.innerText; return text?.includes(arguments[1]) && text"
        )
        return str(self.wait(script, css, words, seconds=seconds))

    def click(self, css: str) -> None:
        """Click in the middle of an element, with a real pointer."""
        self._ask("POST", f"{self._session}/element/{self._find(css)}/click", {})

    def click_tab(self, name: str) -> None:
        script = "return [...document.querySelectorAll('.tab')].findIndex(e => e.innerText == arguments[0]) + 1"
        place = self.wait(script, name)
        self.click(f".tab:nth-of-type({place})")

    def type(self, css: str, text: str) -> None:
        self._ask("POST", f"{self._session}/element/{self._find(css)}/value", {"text": text})

    def drag(self, points: Sequence[tuple[float, float]]) -> None:
        """Press the pointer at the first point of the window, move it over the others, and let it go."""
        moves = [{"type": "pointerMove", "x": round(x), "y": round(y), "duration": 80} for x, y in points]
        steps = [moves[0], {"type": "pointerDown", "button": 0}, *moves[1:], {"type": "pointerUp", "button": 0}]
        self._point(steps)

    def double_click(self, x: float, y: float) -> None:
        """Click twice at a point of the window, without a pause."""
        press = [{"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}]
        steps = [{"type": "pointerMove", "x": round(x), "y": round(y)}, *press, *press]
        self._point(steps)

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._ask("GET", f"{self._session}/screenshot")))

    def log(self) -> list[str]:
        """What the console says since it was asked last."""
        entries = self._ask("POST", f"{self._session}/se/log", {"type": "browser"})
        return [f"{entry['level']}: {entry['message']}" for entry in entries]

    def _point(self, steps: list[dict[str, Any]]) -> None:
        pointer = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": steps}
        self._ask("POST", f"{self._session}/actions", {"actions": [pointer]})

    def _find(self, css: str) -> str:
        wanted = {"using": "css selector", "value": css}
        return str(self._ask("POST", f"{self._session}/element", wanted)[_ELEMENT])

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, path, json=body)
        value = answer.json()["value"]
        assert answer.status_code == 200, value
        return value
