"""The whole app over HTTP, without a browser: the page, its policy, what its panels are given."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support.watched_study import HOSTILE, WatchedStudy

from mqn.dashboard.app import make_app
from mqn.dashboard.serving import TOKEN_VARIABLE, find_token
from mqn.dashboard.studies.live import Live
from mqn.device.agent.trust.hosts import Hosts
from mqn.errors import ConfigError, UsageError
from mqn.report.pages.dashboard import Dashboard, Panel, load_dashboard
from mqn.search.artifacts import ArtifactStore

pytestmark = pytest.mark.slow


class Client:
    """Asks the app as a page does."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def go() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8050") as client:
                return await client.request(method, path, **more)

        return asyncio.run(go())

    def layout(self) -> str:
        return self.ask("GET", "/_dash-layout").text

    def answer(self, outputs: list[str], inputs: dict[str, Any], state: dict[str, Any] | None = None) -> Any:
        """What a callback gives: `id.property` of its outputs, inputs and states, in the order of its declaration."""

        def told(values: dict[str, Any]) -> list[dict[str, Any]]:
            return [
                {"id": name.rpartition(".")[0], "property": name.rpartition(".")[2], "value": value}
                for name, value in values.items()
            ]

        listed = [{"id": one.rpartition(".")[0], "property": one.rpartition(".")[2]} for one in outputs]
        body = {
            "output": f"..{'...'.join(outputs)}.." if len(outputs) > 1 else outputs[0],
            "outputs": listed if len(outputs) > 1 else listed[0],
            "inputs": told(inputs),
            "changedPropIds": [next(iter(inputs))],
            "state": told(state or {}),
        }
        found = self.ask("POST", "/_dash-update-component", json=body)
        assert found.status_code in (200, 204), found.text
        return found.json()["response"] if found.status_code == 200 else None


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> WatchedStudy:
    made = WatchedStudy("grown", f"sqlite:///{tmp_path_factory.mktemp('app')}/study.db")
    for _ in range(12):
        made.add(label=HOSTILE)
    return made


@pytest.fixture(scope="module")
def client(watched: WatchedStudy, tmp_path_factory: pytest.TempPathFactory) -> Client:
    folder = tmp_path_factory.mktemp("artifacts")
    live = Live(watched.store, ArtifactStore(folder), ["grown"])
    return Client(make_app(live, load_dashboard(), folder / "bundles", hosts=Hosts(["127.0.0.1"])))


def test_the_page_loads_everything_from_its_own_server(client: Client) -> None:
    page = client.ask("GET", "/")
    assert page.status_code == 200
    assert re.findall(r'(?:src|href)="(?!/)[^"]*"', page.text) == []
    assert "grown" not in page.text  # Names come as data, not as HTML.
    policy = page.headers["content-security-policy"]
    assert re.search(r"script-src 'self' 'sha256-[^;]+'", policy)
    assert "script-src 'self' 'unsafe" not in policy
    assert "unsafe-eval" not in policy
    for script in re.findall(r'<script[^>]*src="([^"?]+)', page.text):
        assert client.ask("GET", script).status_code == 200, script


def test_the_page_comes_without_the_grid_and_has_it_from_the_address_that_it_knows(client: Client) -> None:
    page = client.ask("GET", "/").text
    assert not re.findall(r'<script[^>]*src="[^"]*(?:ag_grid|dash_table|polyfill)', page)
    (address,) = re.findall(r'"(/_dash-component-suites/dash_ag_grid/[^"]+)"', page)
    grid = client.ask("GET", address)
    assert "max-age=31536000" in grid.headers["cache-control"]
    assert "dash_ag_grid" in grid.text


def test_a_board_that_begins_with_a_table_comes_with_the_grid(watched: WatchedStudy, tmp_path: Path) -> None:
    board = Dashboard(panels=(Panel(kind="table", tab="Front"), Panel(kind="front")))
    live = Live(watched.store, ArtifactStore(tmp_path), ["grown"])
    app = Client(make_app(live, board, tmp_path, hosts=Hosts(["127.0.0.1"])))
    assert re.findall(r'<script src="/_dash-component-suites/dash_ag_grid/', app.ask("GET", "/").text)


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json", "/nothing"])
def test_pages_that_are_not_ours_are_not_there(client: Client, path: str) -> None:
    assert client.ask("GET", path).status_code == 404


def test_the_first_tab_is_drawn_with_the_page(client: Client) -> None:
    layout = client.layout()
    assert '"Pareto front"' in layout
    assert "<img" not in layout.replace('"label": "<img', "")  # Plotly takes HTML: what reaches it is escaped.
    assert "&lt;img src=x" in layout
    assert '"showSendToCloud":false' in layout.replace(" ", "")


def test_the_rest_of_the_first_tab_comes_when_it_is_asked_for(client: Client) -> None:
    assert '"Hypervolume"' not in client.layout()
    found = client.answer(["rest.children"], {"begun.data": True}, {"study.value": "grown", "device.value": ""})
    sections = [section["props"]["children"][0]["props"]["children"] for section in found["rest"]["children"]]
    assert sections == ["Hypervolume", "Latency of the front", "What quantization costs"]


def test_a_tick_without_news_changes_nothing_and_one_with_news_the_version(
    client: Client, watched: WatchedStudy
) -> None:
    outputs = ["shown.data", "pulse.data", "banner.children", "tiles.children", "device.options"]
    inputs = {"tick.n_intervals": 1, "study.value": "grown", "device.value": ""}
    first = client.answer(outputs, inputs, {"shown.data": None, "pulse.data": None})
    before = {"shown.data": first["shown"]["data"], "pulse.data": first["pulse"]["data"]}
    assert not client.answer(outputs, inputs, before)
    watched.add(label=HOSTILE)

    def versions() -> Any:
        found = client.answer(outputs, inputs, before)
        return found["shown"]["data"]["version"] if found else None

    from tests.support.rigs.waiting import wait_until

    wait_until(lambda: versions() == before["shown.data"]["version"] + 1, 10, "the new version")


def test_a_board_has_one_place_to_select_at(watched: WatchedStudy, tmp_path: Path) -> None:
    board = Dashboard(panels=(Panel(kind="selection"), Panel(kind="selection")))
    with pytest.raises(ConfigError, match="two panels of kind 'selection'"):
        make_app(Live(watched.store, ArtifactStore(tmp_path)), board, tmp_path, hosts=Hosts([]))


def test_a_token_is_needed_where_others_can_reach(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("sixteen letters or more\n")
    assert find_token("127.0.0.1", None, None) == ""
    assert find_token("0.0.0.0", "sixteen letters or more", None) == "sixteen letters or more"
    assert find_token("::", None, file) == "sixteen letters or more"
    with pytest.raises(UsageError, match=rf"0\.0\.0\.0 can be reached from other machines; set {TOKEN_VARIABLE}"):
        find_token("0.0.0.0", "", None)
    with pytest.raises(UsageError, match="has 5 characters, and could be guessed"):
        find_token("127.0.0.1", "short", None)
    file.write_text("\n")
    with pytest.raises(UsageError, match="token is empty"):
        find_token("127.0.0.1", None, file)
    with pytest.raises(ConfigError, match="cannot read"):
        find_token("127.0.0.1", None, tmp_path / "none")
