from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mqn.device.agent.http.listening import secure
from mqn.device.agent.service import installation
from mqn.device.agent.service.config import read_config
from mqn.device.agent.service.installation import Installation, install
from mqn.device.agent.trust import authority
from mqn.device.agent.trust.authority import hosts_of, issue, open_authority
from mqn.device.agent.trust.certificate import expiry, expiry_warning
from mqn.device.agent.trust.tokens import Tokens
from mqn.distribution import WHEEL
from mqn.errors import ConfigError, DeviceRefusedError, MissingLibraryError, UsageError
from mqn.parsing import from_mapping
from mqn.profile import DeviceProfile

DAY = 86_400


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Installation]:
    def build(name: str = "board", hosts: tuple[str, ...] = ("10.77.0.2", "board.lan"), **options) -> Installation:
        folders = {"authority_folder": tmp_path / "ca", "tokens_folder": tmp_path / "tokens"}
        return install(name, hosts, folder=tmp_path / name, **folders, **options)

    return build


def test_an_agent_gets_all_it_needs(make, tmp_path: Path) -> None:
    made = make(port=9000)
    config = read_config(made.folder)
    assert (config.host, config.port, config.folder) == ("10.77.0.2", 9000, made.folder)
    assert isinstance(secure(config.certificate, config.key), ssl.SSLContext)
    assert hosts_of(config.certificate) == ["10.77.0.2", "board.lan"]
    secret = made.token_file.read_text().strip()
    assert Tokens(made.folder / "tokens.json").admit(f"Bearer {secret}").client == "board"
    for path in (made.token_file, config.key, made.folder / "tokens.json", tmp_path / "ca" / "ca.key"):
        assert path.stat().st_mode & 0o777 == 0o600
    assert not any(secret.encode() in path.read_bytes() for path in made.folder.iterdir())
    unit = (made.folder / "mqn-agent.service").read_text()
    assert "TimeoutStopSec=135\n" in unit
    assert "NoNewPrivileges=yes\n" in unit


def test_its_table_goes_into_a_profile(make) -> None:
    import tomllib

    made = make(hosts=("fd00::1",))
    table = tomllib.loads(made.profile)["devices"]["board"]
    device = from_mapping(DeviceProfile, table, source="profile")
    assert (device.url, device.token_file, device.ca) == ("https://[fd00::1]:8765", made.token_file, made.ca)


def test_nothing_is_overwritten_silently(make) -> None:
    made = make()
    before = {path.name: path.read_bytes() for path in made.folder.iterdir()}
    with pytest.raises(UsageError, match="--renew"):
        make()
    assert {path.name: path.read_bytes() for path in made.folder.iterdir()} == before


def test_renewing_makes_certificate_and_token_anew_under_the_same_authority(make, tmp_path: Path) -> None:
    first = make()
    old, ca = first.token_file.read_text().strip(), (tmp_path / "ca" / "ca.pem").read_bytes()
    (first.folder / "agent.toml").write_text('host = "10.77.0.9"\n')
    renewed = make(hosts=(), renew=True)
    assert hosts_of(renewed.folder / "certificate.pem") == ["10.77.0.2", "board.lan"]
    assert read_config(renewed.folder).host == "10.77.0.9"
    assert (tmp_path / "ca" / "ca.pem").read_bytes() == ca
    tokens = Tokens(renewed.folder / "tokens.json")
    assert tokens.admit(f"Bearer {old}").reason == "wrong"
    assert tokens.admit(f"Bearer {renewed.token_file.read_text().strip()}").client == "board"
    assert len(tokens.all) == 1
    with pytest.raises(UsageError, match="no agent in"):
        make(name="other", renew=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "../board"}, "--name"),
        ({"hosts": ()}, "no --host"),
        ({"hosts": ("a b",)}, "--host 'a b'"),
        ({"hosts": ("-x",)}, "--host '-x'"),
        ({"days": 0}, "--days"),
        ({"days": 826}, "--days"),
        ({"token_days": 0}, "--token-days"),
        ({"port": 0}, "--port"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_made(make, tmp_path: Path, options: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make(**options)
    assert list(tmp_path.iterdir()) == []


def test_a_certificate_says_when_it_expires(tmp_path: Path) -> None:
    pem, _ = issue(open_authority(tmp_path / "ca"), ["board.lan"], 10)
    (tmp_path / "certificate.pem").write_bytes(pem)
    assert expiry(tmp_path / "certificate.pem") == pytest.approx(time.time() + 10 * DAY, abs=60)
    # The authority's lies beyond 2030, in the same kind of date; ours must not depend on a library to read it.
    assert expiry(tmp_path / "ca" / "ca.pem") == pytest.approx(time.time() + 3650 * DAY, abs=60)


@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "\xff"])
def test_other_files_hold_no_certificate(tmp_path: Path, content: str) -> None:
    (tmp_path / "certificate.pem").write_text(content)
    with pytest.raises(DeviceRefusedError, match="holds no certificate"):
        expiry(tmp_path / "certificate.pem")


def test_expiry_is_told_in_time() -> None:
    assert expiry_warning(None) == expiry_warning(31 * DAY, now=0) == ""
    assert "expires in 29 days" in expiry_warning(29 * DAY, now=0)
    assert "has expired" in expiry_warning(0, now=1)


def test_a_certificate_and_a_key_that_do_not_belong_together(make) -> None:
    first, other = make(), make(name="other")
    with pytest.raises(DeviceRefusedError, match="cannot use certificate"):
        secure(first.folder / "certificate.pem", other.folder / "key.pem")


def test_a_damaged_authority_is_told(make, tmp_path: Path) -> None:
    make()
    (tmp_path / "ca" / "ca.key").write_text("nothing")
    with pytest.raises(DeviceRefusedError, match="no usable authority"):
        make(name="other")


def test_where_certificates_cannot_be_made_is_told_what_to_do(make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cryptography", None)
    with pytest.raises(MissingLibraryError, match="run mqn agent init on the host"):
        make()


def test_a_configuration_is_checked(tmp_path: Path) -> None:
    assert read_config(tmp_path).port == 8765
    (tmp_path / "agent.toml").write_text("prot = 1\n")
    with pytest.raises(ConfigError, match="did you mean 'port'"):
        read_config(tmp_path)
    (tmp_path / "agent.toml").write_text("[limits]\ncapacity = 0\n")
    with pytest.raises(ConfigError, match="at least 1"):
        read_config(tmp_path)
    for seconds in ("inf", "nan", "-1"):
        (tmp_path / "agent.toml").write_text(f"[limits]\ndrain_seconds = {seconds}\n")
        with pytest.raises(ConfigError, match=r"drain_seconds must be (between 0 and 3600|a finite number)"):
            read_config(tmp_path)


def test_an_authority_is_made_once(tmp_path: Path) -> None:
    first, again = (open_authority(tmp_path / "ca").certificate for _ in range(2))
    assert first == again
    assert authority.CA_FILE in {path.name for path in (tmp_path / "ca").iterdir()}


def test_a_folder_that_cannot_be_written_to_is_told(make, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(UsageError, match=r"cannot write .*taken.*choose --output or --ca"):
        make(name="taken")
    (tmp_path / "ca").rename(tmp_path / "elsewhere")
    (tmp_path / "ca").write_text("")
    with pytest.raises(UsageError, match=r"cannot write .*ca"):
        make()


def test_commands_can_be_pasted_as_they_are(make, tmp_path: Path) -> None:
    made = make(name="b", hosts=("fd00::1",))
    assert f"scp -r {tmp_path}/b [fd00::1]:mqn-agent" in made.steps


def test_the_wheel_goes_along_or_the_steps_say_how_to_make_it(
    make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "find_wheel", lambda: None)
    made = make(name="without")
    assert made.steps[0].startswith("make ")
    assert made.steps[1].startswith("cp ")
    assert made.steps[2].startswith("scp ")
    (tmp_path / WHEEL).write_bytes(b"a wheel")
    monkeypatch.setattr(installation, "find_wheel", lambda: tmp_path / WHEEL)
    made = make(name="with")
    assert (made.folder / WHEEL).read_bytes() == b"a wheel"
    assert made.steps[0].startswith("scp ")
    assert f"sudo /opt/mqn/bin/pip install 'mqn-agent/{WHEEL}[agent]'" in made.steps
