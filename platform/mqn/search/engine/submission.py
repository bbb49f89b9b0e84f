"""A driver that runs on the cluster and outlives the machine that started it: `ray job submit`, from Python."""

from __future__ import annotations

import asyncio
import logging
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mqn import shipping
from mqn.errors import ClusterError, ConfigError
from mqn.net import telemetry
from mqn.profile import Profile

_AUTHENTICATION = "set RAY_AUTH_MODE and RAY_AUTH_TOKEN if the cluster wants a token"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmittedDriver:
    """A driver on a cluster.

    Attributes:
        url: of the cluster's job server, `http://head:8265`.
        id: Ray's, of the job.
    """

    url: str
    id: str

    @property
    def follow_command(self) -> str:
        """The command that shows what it prints."""
        return shlex.join(["ray", "job", "logs", "--follow", "--address", self.url, self.id])

    @property
    def stop_command(self) -> str:
        """The command that stops it, as Ctrl-C would."""
        return shlex.join(["ray", "job", "stop", "--address", self.url, self.id])

    def follow(self, write: Callable[[str], object]) -> str:
        """Pass on what it prints until it has ended.

        Returns:
            Its state: `SUCCEEDED`, `FAILED` or `STOPPED`.

        Raises:
            ClusterError: the connection broke off; the driver goes on.
        """
        with _named(self.url, f"the search goes on; follow it with: {self.follow_command}"):
            client = _connect(self.url)

            async def pass_on() -> None:
                async for text in client.tail_job_logs(self.id):
                    write(text)

            asyncio.run(pass_on())
            return str(client.get_job_status(self.id).value)


def submit_driver(url: str, profile: Profile, words: Sequence[str], files: Mapping[str, Path]) -> SubmittedDriver:
    """Start a driver on a cluster, with this package and without waiting for it.

    Args:
        url: of the cluster's job server.
        profile: what the driver runs with. It joins the cluster that it runs on.
        words: the arguments of `mqn`; files by their names in `files`.
        files: what the driver finds in its folder, by name: a space, a profile.

    Raises:
        ConfigError: the profile joins another Ray, or keeps the study where it would be lost.
        ClusterError: the job server cannot be reached, or refuses.
    """
    check_submittable(profile)
    telemetry.switch_off()
    with _named(url, _AUTHENTICATION), ExitStack() as stack:
        client = _connect(url)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mqn-job-")))
        for name, path in files.items():
            shutil.copy(path, folder / name)
        environment = {
            "working_dir": str(folder),
            "py_modules": shipping.modules(stack, profile.ray),
            "env_vars": dict(telemetry.ENVIRONMENT) | ({"MQN_HOME": profile.ray.home} if profile.ray.home else {}),
        }
        entry = shlex.join(["python", "-m", "mqn", *words])
        return SubmittedDriver(url=url, id=client.submit_job(entrypoint=entry, runtime_env=environment))


def check_submittable(profile: Profile) -> None:
    """Refuse a profile that makes no sense on a cluster. Raises `ConfigError`."""
    if profile.ray.address != "auto":
        raise ConfigError(
            f"ray.address = {profile.ray.address!r}: a submitted search joins the cluster that it runs on; set it to "
            "'auto' in the profile"
        )
    kept = {"storage.study": profile.storage.study, "storage.artifacts": profile.storage.artifacts}
    for key, place in kept.items():
        if "{home}" in place and not profile.ray.home:
            raise ConfigError(
                f"{key} = {place!r}: a submitted search's own folder goes with it; set ray.home to a folder that all "
                f"nodes share, or {key} to a URL"
            )


def _connect(url: str) -> Any:
    from ray.job_submission import JobSubmissionClient

    logging.getLogger("ray").setLevel(logging.WARNING)  # It tells of every upload.
    return JobSubmissionClient(url)


@contextmanager
def _named(url: str, advice: str) -> Iterator[None]:
    try:
        yield
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        said = " ".join(str(error).split())[:300]
        raise ClusterError(f"Ray's job server at {url}: {said}; {advice}") from error
