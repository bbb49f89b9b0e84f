"""The runner profile: where and with what a study runs. TOML files in `runners/`, parsed and checked once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from mqn.errors import ConfigError
from mqn.home import home, shipped
from mqn.parsing import from_mapping, read_toml
from mqn.records import MeasureSettings

LOOPBACK = "loopback"


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
    """Where runs are logged: an MLflow tracking URI; `{home}` stands for `$MQN_HOME`. Empty: nowhere."""

    uri: str = "sqlite:///{home}/mlflow.db"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceProfile:
    """A device to measure on.

    Attributes:
        url: the agent's address (`https://board:8765`); or what an agent of our own drives for as long as it is needed:
            `loopback` this machine, `adb:SERIAL` a phone, `ssh:USER@HOST` a board without an agent.
        token_env: environment variable that holds the agent's token; empty where none is needed.
        token_file: or a file that holds it.
        ca: certificate that the agent's own is signed by, as `mqn agent init` wrote it; None: the system's.
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

    @property
    def alone(self) -> bool:
        """Whether nothing of ours may run beside a measurement."""
        return self.url == LOOPBACK if self.exclusive is None else self.exclusive


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetProfile:
    """When a study stops by itself; None: no limit beyond the command's."""

    trials: int | None = None
    hours: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A whole profile; every table has defaults, so that an empty file is the default profile."""

    ray: RayProfile = field(default_factory=RayProfile)
    storage: StorageProfile = field(default_factory=StorageProfile)
    tracking: TrackingProfile = field(default_factory=TrackingProfile)
    devices: dict[str, DeviceProfile] = field(default_factory=lambda: {"local": DeviceProfile()})
    measure: MeasureSettings = field(default_factory=MeasureSettings)
    budget: BudgetProfile = field(default_factory=BudgetProfile)

    @property
    def study_url(self) -> str:
        """Optuna's storage URL."""
        return self.storage.study.format(home=home())

    @property
    def artifacts(self) -> Path:
        """The folder of artifacts."""
        return Path(self.storage.artifacts.format(home=home()))

    @property
    def tracking_uri(self) -> str:
        """MLflow's tracking URI; empty where nothing is logged."""
        return self.tracking.uri.format(home=home())


def load_profile(name: str = "default") -> Profile:
    """Read a profile.

    Args:
        name: a file's stem in `runners/`, or a path to a .toml file.

    Raises:
        UnknownNameError: there is no such profile.
        ConfigError: the file is wrong; names the key and the nearest valid one.
    """
    path = shipped("runners", name)
    profile = from_mapping(Profile, read_toml(path), source=str(path))
    if not profile.devices:
        raise ConfigError(f"{path}: 'devices' is empty; name at least one, for example [devices.local]")
    for pattern in (profile.storage.study, profile.storage.artifacts, profile.tracking.uri):
        try:
            pattern.format(home="")
        except (KeyError, IndexError, ValueError) as error:
            raise ConfigError(f"{path}: {pattern!r}: only {{home}} may stand in braces") from error
    return profile
