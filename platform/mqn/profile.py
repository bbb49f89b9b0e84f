"""The runner profile: where and with what a study runs. TOML files in `runners/`, parsed and checked once."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mqn.errors import ConfigError, LocalNameError, nearest
from mqn.files.local_names import require_local
from mqn.home import home, shipped
from mqn.net.database_urls import fill_home, same_database
from mqn.parsing import from_mapping, read_toml, to_plain
from mqn.profile_tables.budget import BudgetProfile
from mqn.profile_tables.metrics import MetricsProfile
from mqn.profile_tables.notify import NotifyProfile
from mqn.profile_tables.ray import RayProfile
from mqn.profile_tables.retry import RetryProfile
from mqn.profile_tables.simulate import KIND, SimulateProfile, device_names
from mqn.records import PRESETS, MeasureSettings
from mqn.text.redaction import hide, hide_url, redact_url

LOOPBACK = "loopback"
DEFAULT_TRACKING = "sqlite:///{home}/mlflow.db"
# MLflow's own; its others (user, password, token, S3 endpoint) are read by MLflow itself.
TRACKING_VARIABLE, REGISTRY_VARIABLE = "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"
BACKENDS = {"adb": "adb:SERIAL", "ssh": "ssh:[USER@]HOST[:PORT]"}
"""Devices that an agent of our own drives: the scheme of an address, and how the address looks."""
OWN_DEVICES = " and ".join(f"{scheme}:" for scheme in BACKENDS) + " devices"
# Allowed in the names of figures (`latency_ms/kind:pixel 8`) and thus in MLflow; '/' and ':' separate them.
_WORD = re.compile(r"\w[\w .-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageProfile:
    """Where the study's trials and artifacts are kept.

    Attributes:
        study: Optuna's RDB URL; `{home}` stands for `$MQN_HOME`.
        artifacts: folder of artifacts, reachable from every worker by the same path; or a URL (`s3://bucket/prefix`).
        cache: where each machine keeps the files that it fetched from such a URL; `{home}` is its own `$MQN_HOME`.
        cache_gb: how much of them, in 10^9 bytes; what was used longest ago goes first.
        keep_seconds: at most so often the state of a running training is kept behind the URL.
    """

    study: str = "sqlite:///{home}/study.db"
    artifacts: str = "{home}/artifacts"
    cache: str = "{home}/cache/artifacts"
    cache_gb: float = 50.0
    keep_seconds: float = 60.0

    def __post_init__(self) -> None:
        if not 0 < self.cache_gb < math.inf:
            raise ValueError(f"cache_gb {self.cache_gb:g} must be a number above 0")
        if not 0 <= self.keep_seconds < math.inf:
            raise ValueError(f"keep_seconds {self.keep_seconds:g} must be a number that is not below 0")

    @property
    def artifacts_place(self) -> str:
        """The folder or URL of artifacts."""
        return self.artifacts.format(home=home())

    @property
    def cache_folder(self) -> Path:
        """Where this machine keeps the files that it fetched from a URL."""
        return Path(self.cache.format(home=home())).expanduser()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingProfile:
    """Where runs are logged.

    Attributes:
        uri: an MLflow tracking URI; `{home}` stands for `$MQN_HOME`. Empty: nowhere. None: where `MLFLOW_TRACKING_URI`
            says, else in `$MQN_HOME`.
    """

    uri: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceProfile:
    """A device to measure on.

    Attributes:
        url: the agent's address (`https://board:8765`); or what an agent of our own drives for as long as it is needed:
            `loopback` this machine, `adb:SERIAL` a phone, `ssh:USER@HOST` a board without an agent.
        token_env: environment variable that holds the agent's token; empty where none is needed.
        token_file: or a file that holds it.
        ca: certificate that the agent's own is signed by (`ca.pem` of `mqn agent init`); None: the system's.
        kind: what sort of device it is: a study may ask for any of a kind.
        tags: whatever else tells devices apart: `soc`, `os`, ...; a study may ask for those too.
        exclusive: whether the device is this machine, so that nothing of ours may run beside a measurement; None: it is
            for `loopback`.
        max_temperature_c: nothing is measured while it is warmer.
        min_battery_percent: nothing is measured while its battery holds less.
        benchmark_model: TensorFlow Lite's tool for an `adb` or `ssh` device, in place of our runner; experimental.
        paired: whether a study measures each model in turns with a reference model, so that its latency compares
            however busy the device is: for shared and virtual machines. Each is timed twice then, beside it and alone.
    """

    url: str = LOOPBACK
    token_env: str = ""
    token_file: Path | None = None
    ca: Path | None = None
    kind: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    exclusive: bool | None = None
    max_temperature_c: float | None = None
    min_battery_percent: float | None = None
    benchmark_model: Path | None = None
    paired: bool = False

    def __post_init__(self) -> None:
        if self.token_env and self.token_file is not None:
            raise ValueError("token_env and token_file are both set; keep one of them")
        if self.benchmark_model is not None and self.backend in (None, "local"):
            raise ValueError(f"benchmark_model is for {OWN_DEVICES}, not for {self.url!r}")
        for name, word in (("kind", self.kind), *self.tags.items()):
            if word and not (_WORD.fullmatch(name) and _WORD.fullmatch(word)):
                raise ValueError(f"{name} = {word!r} must be letters, digits, ' ', '.', '_' and '-'")

    @property
    def backend(self) -> str | None:
        """What an agent of our own drives: `local`, `adb:SERIAL`, `ssh:USER@HOST`; None: the device has an agent."""
        if self.url == LOOPBACK:
            return "local"
        return self.url if self.url.partition(":")[0] in BACKENDS else None

    @property
    def alone(self) -> bool:
        """Whether nothing of ours may run beside a measurement."""
        return self.url == LOOPBACK if self.exclusive is None else self.exclusive


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A whole profile; every key has a default, so that an empty file is the default profile.

    Attributes:
        targets: what every trial is measured on: a device by its name, `kind:...` for any of a kind, `soc:...` for any
            with that tag, and so on; empty: every device by its name.
        max_age_hours: measurements older than that are made again.
        patience_minutes: a study goes on so long without a device, or without its database, before it stops, to be
            resumed.
        predictor: whether waiting measurements are ordered by predicted latency, the fastest first.
        ray: where stages run.
        storage: where trials and artifacts are kept.
        tracking: where runs are logged.
        devices: what may be measured on, by name.
        measure: how is measured; in a file, `preset = "strict"` is what the other keys start from.
        retry: how often work is tried again that failed through no fault of its candidate.
        metrics: where a driver tells machines how it is doing.
        notify: whom a study tells of its end, a stall, failures, and new members of its front.
        budget: when a study stops by itself.
        simulate: the cluster and the devices that are simulated in place of real ones; None: everything is real.
    """

    targets: tuple[str, ...] = ()
    max_age_hours: float = 168.0
    patience_minutes: float = 30.0
    predictor: bool = False
    ray: RayProfile = field(default_factory=RayProfile)
    storage: StorageProfile = field(default_factory=StorageProfile)
    tracking: TrackingProfile = field(default_factory=TrackingProfile)
    devices: dict[str, DeviceProfile] = field(default_factory=lambda: {"local": DeviceProfile()})
    measure: MeasureSettings = field(default_factory=MeasureSettings)
    retry: RetryProfile = field(default_factory=RetryProfile)
    metrics: MetricsProfile = field(default_factory=MetricsProfile)
    notify: NotifyProfile = field(default_factory=NotifyProfile)
    budget: BudgetProfile = field(default_factory=BudgetProfile)
    simulate: SimulateProfile | None = None

    def __post_init__(self) -> None:
        if not self.max_age_hours > 0 or not 0 <= self.patience_minutes < math.inf:
            raise ValueError("max_age_hours must be above 0, patience_minutes a number that is not below 0")

    @property
    def study_url(self) -> str:
        """Optuna's storage URL."""
        return fill_home(self.storage.study, home())

    @property
    def artifacts(self) -> str:
        """The folder or URL of artifacts."""
        return self.storage.artifacts_place

    @property
    def tracking_uri(self) -> str:
        """MLflow's tracking URI; empty where nothing is logged."""
        if self.tracking.uri is None:
            return os.environ.get(TRACKING_VARIABLE) or fill_home(DEFAULT_TRACKING, home())
        return fill_home(self.tracking.uri, home())

    @property
    def registry_uri(self) -> str | None:
        """The model registry's URI, where it is another than the tracking server."""
        return (os.environ.get(REGISTRY_VARIABLE) or None) if self.tracking.uri is None else None


def load_profile(name: str = "default") -> Profile:
    """Read a profile.

    Args:
        name: a file's stem in `runners/`, or a path to a .toml file.

    Raises:
        UnknownNameError: there is no such profile.
        ConfigError: the file is wrong; names the key and the nearest valid one.
    """
    path = shipped("runners", name)
    plain = _with_preset(read_toml(path), source=str(path))
    profile = _with_simulated(from_mapping(Profile, plain, source=str(path)), plain, source=str(path))
    if not profile.devices:
        raise ConfigError(f"{path}: 'devices' is empty; name at least one, for example [devices.local]")
    for device in profile.devices:
        if not _WORD.fullmatch(device):
            raise ConfigError(f"{path}: devices.{device!r}: a name has letters, digits, ' ', '.', '_' and '-'")
    _hide_secrets(profile)
    storage = profile.storage
    for pattern in (storage.study, storage.artifacts, storage.cache, profile.tracking.uri or ""):
        try:
            pattern.format(home="")
        except (KeyError, IndexError, ValueError) as error:
            raise ConfigError(f"{path}: {pattern!r}: only {{home}} may stand in braces") from error
    try:
        if "://" not in storage.artifacts:
            require_local(storage.artifacts, "storage.artifacts = ")
        require_local(storage.cache, "storage.cache = ")
    except LocalNameError as error:
        raise ConfigError(f"{path}: {error}") from error
    if profile.tracking_uri and same_database(profile.study_url, profile.tracking_uri):
        raise ConfigError(
            f"{path}: storage.study and tracking.uri both name {redact_url(profile.study_url)}, and Optuna's and "
            "MLflow's tables cannot be in one database; give each its own"
        )
    return profile


def _with_simulated(profile: Profile, plain: Mapping[str, Any], *, source: str) -> Profile:
    """Put simulated devices in the place of the profile's, where it simulates."""
    if profile.simulate is None:
        return profile
    if "devices" in plain:
        raise ConfigError(f"{source}: 'simulate' makes devices of its own (simulate.devices); remove 'devices'")
    devices = {name: DeviceProfile(url=f"https://{name}.invalid", kind=KIND) for name in device_names(profile.simulate)}
    return replace(profile, devices=devices, targets=profile.targets or (f"kind:{KIND}",))


def _hide_secrets(profile: Profile) -> None:
    """Keep the profile's passwords and tokens out of all that is printed, logged or stored."""
    for url in (profile.storage.study, profile.storage.artifacts, profile.tracking.uri or "", profile.ray.address):
        hide_url(url)
    hide(hide_url(profile.notify.address))  # A webhook's address lets everybody write there.
    for device in profile.devices.values():
        hide_url(device.url)
        hide(os.environ.get(device.token_env))


def _with_preset(plain: Mapping[str, Any], *, source: str) -> dict[str, Any]:
    """Expand `measure.preset`; the table's other keys override it."""
    table = plain.get("measure")
    if not isinstance(table, Mapping) or "preset" not in table:
        return dict(plain)
    preset = table["preset"]
    if not isinstance(preset, str) or preset not in PRESETS:
        raise ConfigError(f"{source}: measure.preset = {preset!r}; {nearest(str(preset), PRESETS)}")
    others = {key: value for key, value in table.items() if key != "preset"}
    return {**plain, "measure": {**to_plain(PRESETS[preset]), **others}}
