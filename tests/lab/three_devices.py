"""One study on three devices at once, with a network that is cut in the middle. Needs root, adb and debootstrap.

    /usr/bin/python3 -m venv /opt/mqn-agent && /opt/mqn-agent/bin/pip install '.[agent]'
    python -m tests.lab.three_devices --rootfs /tmp/mqn-adbd --work /tmp/mqn-three --agent /opt/mqn-agent/bin/mqn

The devices are an agent on loopback, an agent in another network namespace over TLS (certificate and token by
`mqn agent init`, run by an unprivileged user), and a real adbd in a third namespace. While the second one measures, its
network is cut for half a minute. The study has to complete; the front of each device is written as JSON and PNG.

All three are this machine's processors, so the profile says `exclusive`: one measurement at a time, and nothing beside
it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.lab.adbd import Adbd, make_rootfs
from tests.support.rigs.namespace import Namespace

STUDY = "three"
CUT_SECONDS = 30.0
START_SECONDS = 60.0
# The cut comes in a measurement after some trials are there, and well before the last.
CUT_AFTER_JOBS = 4

_PROFILE = """
[devices.loopback]

[devices.tls]
url = "{url}"
ca = "{ca}"
token_file = "{token_file}"
kind = "namespace"
exclusive = true

[devices.android]
url = "adb:{serial}"
kind = "adbd"
exclusive = true

[measure]
accept = ["ok", "contended", "unsteady"]
attempts = 5
"""


def main() -> int:
    """Run the study; 1 if it did not come to its end as it should."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rootfs", type=Path, required=True, help="root file system with adbd; made if absent")
    parser.add_argument("--work", type=Path, required=True, help="folder for state and results")
    parser.add_argument("--agent", type=Path, required=True, help="mqn where an unprivileged user can run it")
    parser.add_argument("--space", default="smoke", help="what is searched (default: %(default)s)")
    parser.add_argument("--set", action="append", default=[], help="passed on to mqn search")
    given = parser.parse_args()
    make_rootfs(given.rootfs)
    given.work.mkdir(parents=True, exist_ok=True)
    given.work.chmod(0o755)
    environment = {**os.environ, "MQN_HOME": str(given.work / "home")}
    away, phone = (
        Namespace("mqn-tls", host="10.77.1.1", guest="10.77.1.2"),
        Namespace("mqn-adb", host="10.77.2.1", guest="10.77.2.2"),
    )
    with away, phone, Adbd(given.rootfs, phone) as serial:
        folder = given.work / "agent"
        made = json.loads(
            _mqn(
                "agent",
                "init",
                "--name",
                "tls",
                "--host",
                away.guest,
                "--output",
                str(folder),
                "--json",
                env=environment,
            )
            if not folder.exists()
            else (given.work / "installation.json").read_text()
        )
        (given.work / "installation.json").write_text(json.dumps(made))
        serve = [str(given.agent), "agent", "serve", "--config", str(folder), "--user", "nobody"]
        log = (given.work / "agent.log").open("ab")
        agent = away.popen(serve, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        status = ("agent", "status", "--url", made["url"], "--ca", made["ca"], "--token-file", made["token_file"])
        _await(lambda: _succeeds(*status, env=environment), "the agent behind TLS")
        profile = given.work / "three.toml"
        profile.write_text(_PROFILE.format(serial=serial, **{key: made[key] for key in ("url", "ca", "token_file")}))
        passed_on = [word for pair in given.set for word in ("--set", pair)]
        search = [sys.executable, "-m", "mqn", "search", given.space, "--study", STUDY, "--profile", str(profile)]
        began = time.monotonic()
        study = subprocess.Popen([*search, *passed_on], env=environment)
        audit = folder / "audit.jsonl"
        _await(lambda: _jobs(audit) >= CUT_AFTER_JOBS or study.poll() is not None, "measurements", seconds=1800)
        cut_at = time.monotonic() - began
        away.cut()
        print(f"cut the network of 'tls' after {cut_at:.0f} s, in a measurement", flush=True)
        time.sleep(CUT_SECONDS)
        away.restore()
        print(f"restored it after {CUT_SECONDS:g} s", flush=True)
        code = study.wait()
        seconds = time.monotonic() - began
        if code != 0:
            print(f"the study failed with exit code {code}", file=sys.stderr)
            return 1
        trials = json.loads(_mqn("status", STUDY, "--profile", str(profile), "--json", env=environment))["trials"]
        result = {"seconds": seconds, "cut_at": cut_at, "trials": trials, "fronts": {}}
        for device in ("loopback", "tls", "android"):
            words = ("front", STUDY, "--profile", str(profile), "--device", device)
            result["fronts"][device] = json.loads(_mqn(*words, "--json", env=environment))["front"]
            _mqn(*words, "--png", str(given.work / f"front-{device}.png"), env=environment)
            print(_mqn(*words, env=environment))
        _mqn("front", STUDY, "--profile", str(profile), "--html", str(given.work / "front.html"), env=environment)
        (given.work / "three_devices.json").write_text(json.dumps(result, indent=1) + "\n")
        print(f"{trials} in {seconds:.0f} s; the agent behind TLS {'runs' if agent.poll() is None else 'HAS ENDED'}")
        return 0 if trials["failed"] == 0 and trials["running"] == 0 and agent.poll() is None else 1


def _mqn(*words: str, env: dict[str, str]) -> str:
    done = subprocess.run([sys.executable, "-m", "mqn", *words], env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"mqn {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def _succeeds(*words: str, env: dict[str, str]) -> bool:
    return (
        subprocess.run([sys.executable, "-m", "mqn", *words], env=env, capture_output=True, check=False).returncode == 0
    )


def _jobs(audit: Path) -> int:
    """How many jobs were posted to the agent."""
    if not audit.exists():
        return 0
    rows = map(json.loads, audit.read_text().splitlines())
    return sum(row.get("method") == "POST" and row.get("path") == "/v1/jobs" for row in rows)


def _await(condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"waited {seconds:g} s for {what} in vain")
        time.sleep(0.2)


if __name__ == "__main__":
    sys.exit(main())
