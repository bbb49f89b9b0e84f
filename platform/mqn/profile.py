"""The runner profile: where and with what a study runs. TOML files in `runners/`, parsed and checked once."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mqn.database_urls import fill_home
from mqn.errors import ConfigError, LocalNameError, nearest
from mqn.home import home, shipped
from mqn.local_names import require_local
from mqn.parsing import from_mapping, read_toml, to_plain
from mqn.records import PRESETS, MeasureSettings
from mqn.redaction import hide, hide_url
from mqn.retry_profile import RetryProfile

LOOPBACK = "loopback"
DEFAULT_TRACKING = "sqlite:///{home}/mlflow.db"
# MLflow's own; its others (user, password, token, S3 endpoint) are read by MLflow itself.
TRACKING_VARIABLE, REGISTRY_VARIABLE = "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"
MOST_TRIALS = 1_000_000
"""Of a study."""

_MOST_PROCESSORS = 100_000
_OWN_SCHEMES = ("adb:", "ssh:")
# What stands in figures' names (`latency_ms/kind:pixel 8`), and thus in MLflow's; '/' and ':' part them.
_WORD = re.compile(r"\w[\w .-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class RayProfile:
    """Where stages run.

    Attributes:
        address: `local` starts Ray on this machine, `auto` joins a running cluster, `ray://host:port` uses a client.
        cpus: processors that a local Ray may use; None: all.
        gpus: likewise; None: all that are found.
        training_cpus: processors of one training.
        training_gpus: share of a GPU that one training takes.
        export_cpus: processors of one conversion or quantization.
    """

    address: str = "local"
    cpus: int | None = None
    gpus: int | None = None
    training_cpus: float = 2
    training_gpus: float = 0
    export_cpus: float = 1

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ValueError: a number that no machine has.
        """
        for name in ("cpus", "gpus", "training_cpus", "training_gpus", "export_cpus"):
            number = getattr(self, name)
            if number is not None and not 0 <= number <= _MOST_PROCESSORS:
                raise ValueError(f"{name} = {number} must not be negative, nor above {_MOST_PROCESSORS}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageProfile:
    """Where the study's trials and artifacts are kept.

    Attributes:
        study: Optuna's RDB URL; `{home}` stands for `$MQN_HOME`.
        artifacts: folder of artifacts, reachable from every worker.
    """

    study: str = "sqlite:///{home}/study.db"
    artifacts: str = "{home}/artifacts"


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
        benchmark_model: TensorFlow Lite's benchmark tool for an `adb` or `ssh` device, in place of our own runner.
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

    def __post_init__(self) -> None:
        """Check what contradicts itself.

        Raises:
            ValueError: a token from two places, or the benchmark tool for a device that cannot use it.
        """
        if self.token_env and self.token_file is not None:
            raise ValueError("token_env and token_file are both set; keep one of them")
        if self.benchmark_model is not None and not self.url.startswith(_OWN_SCHEMES):
            raise ValueError(f"benchmark_model is for adb: and ssh: devices, not for {self.url!r}")
        for name, word in (("kind", self.kind), *self.tags.items()):
            if word and not (_WORD.fullmatch(name) and _WORD.fullmatch(word)):
                raise ValueError(f"{name} = {word!r} must be letters, digits, ' ', '.', '_' and '-'")

    @property
    def backend(self) -> str | None:
        """What an agent of our own drives: `local`, `adb:SERIAL`, `ssh:USER@HOST`; None: the device has an agent."""
        if self.url == LOOPBACK:
            return "local"
        return self.url if self.url.startswith(_OWN_SCHEMES) else None

    @property
    def alone(self) -> bool:
        """Whether nothing of ours may run beside a measurement."""
        return self.url == LOOPBACK if self.exclusive is None else self.exclusive


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetProfile:
    """When a study stops by itself; None: no limit beyond the command's."""

    trials: int | None = None
    hours: float | None = None

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ValueError: a limit under which no trial would be begun.
        """
        if self.trials is not None and not 1 <= self.trials <= MOST_TRIALS:
            raise ValueError(f"trials {self.trials} must be at least 1 and at most {MOST_TRIALS}")
        if self.hours is not None and not (math.isfinite(self.hours) and self.hours > 0):
            raise ValueError(f"hours {self.hours:g} must be a number above 0")


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
        budget: when a study stops by itself.
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
    budget: BudgetProfile = field(default_factory=BudgetProfile)

    def __post_init__(self) -> None:
        """Check ranges.

        Raises:
            ValueError: a time is not one.
        """
        if not self.max_age_hours > 0 or not 0 <= self.patience_minutes < math.inf:
            raise ValueError("max_age_hours must be above 0, patience_minutes a number that is not below 0")

    @property
    def study_url(self) -> str:
        """Optuna's storage URL."""
        return fill_home(self.storage.study, home())

    @property
    def artifacts(self) -> Path:
        """The folder of artifacts."""
        return Path(self.storage.artifacts.format(home=home()))

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
    profile = from_mapping(Profile, _with_preset(read_toml(path), source=str(path)), source=str(path))
    if not profile.devices:
        raise ConfigError(f"{path}: 'devices' is empty; name at least one, for example [devices.local]")
    for device in profile.devices:
        if not _WORD.fullmatch(device):
            raise ConfigError(f"{path}: devices.{device!r}: a name has letters, digits, ' ', '.', '_' and '-'")
    _hide_secrets(profile)
    for pattern in (profile.storage.study, profile.storage.artifacts, profile.tracking.uri or ""):
        try:
            pattern.format(home="")
        except (KeyError, IndexError, ValueError) as error:
            raise ConfigError(f"{path}: {pattern!r}: only {{home}} may stand in braces") from error
    try:
        require_local(profile.storage.artifacts, "storage.artifacts = ")
    except LocalNameError as error:
        raise ConfigError(f"{path}: {error}") from error
    return profile


def _hide_secrets(profile: Profile) -> None:
    """Have the profile's passwords and tokens kept out of everything that is printed, logged or stored."""
    for url in (profile.storage.study, profile.storage.artifacts, profile.tracking.uri or "", profile.ray.address):
        hide_url(url)
    for device in profile.devices.values():
        hide_url(device.url)
        hide(os.environ.get(device.token_env))


def _with_preset(plain: Mapping[str, Any], *, source: str) -> dict[str, Any]:
    """Put what `measure.preset` stands for under the table's other keys."""
    table = plain.get("measure")
    if not isinstance(table, Mapping) or "preset" not in table:
        return dict(plain)
    preset = table["preset"]
    if not isinstance(preset, str) or preset not in PRESETS:
        raise ConfigError(f"{source}: measure.preset = {preset!r}; {nearest(str(preset), PRESETS)}")
    others = {key: value for key, value in table.items() if key != "preset"}
    return {**plain, "measure": {**to_plain(PRESETS[preset]), **others}}
