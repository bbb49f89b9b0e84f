"""The files that start clusters: as far as they can be checked without Kubernetes, SLURM, Docker or a cloud."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from mqn.home import data_folder
from mqn.profile import load_profile
from mqn.search.engine.submission import check_submittable

ROOT = Path(__file__).parents[1]
RUNNERS = data_folder("runners")

# What we use of ray.io/v1 (KubeRay's rayjob_types.go and raycluster_types.go): the names of fields, and what is needed.
JOB = {
    *("entrypoint", "submissionMode", "backoffLimit", "shutdownAfterJobFinishes", "ttlSecondsAfterFinished"),
    "rayClusterSpec",
}
CLUSTER = {"rayVersion", "enableInTreeAutoscaling", "autoscalerOptions", "headGroupSpec", "workerGroupSpecs"}
AUTOSCALER = {"idleTimeoutSeconds", "upscalingMode"}
HEAD = {"rayStartParams", "template"}
WORKERS = {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"}
CONTAINER = {"name", "image", "ports", "envFrom", "resources", "volumeMounts"}
INSTRUCTIONS = {"ARG", "CMD", "COPY", "ENV", "EXPOSE", "FROM", "RUN", "USER", "WORKDIR"}


@pytest.fixture(scope="module")
def job() -> Any:
    return yaml.safe_load((RUNNERS / "kubernetes.yaml").read_text(encoding="utf-8"))


def containers(group: Any) -> list[Any]:
    found: list[Any] = group["template"]["spec"]["containers"]
    return found


def test_every_runner_is_in_the_readme() -> None:
    text = (RUNNERS / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in RUNNERS.iterdir() if path.name != "README.md" and f"`{path.name}`" not in text] == []


def test_the_clusters_profile_can_be_submitted() -> None:
    profile = load_profile("cluster")
    check_submittable(profile)
    assert profile.ray.autoscale is not None
    assert profile.ray.ships


def test_kubernetes_gets_a_ray_job(job: Any) -> None:
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    spec, cluster = job["spec"], job["spec"]["rayClusterSpec"]
    assert set(spec) == JOB
    assert spec["submissionMode"] in ("K8sJobMode", "HTTPMode")
    assert set(cluster) == CLUSTER
    assert cluster["enableInTreeAutoscaling"] is True
    assert set(cluster["autoscalerOptions"]) == AUTOSCALER
    assert cluster["autoscalerOptions"]["upscalingMode"] in ("Default", "Aggressive", "Conservative")
    assert set(cluster["headGroupSpec"]) == HEAD
    for group in cluster["workerGroupSpecs"]:
        assert set(group) == WORKERS
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        for container in containers(group):
            assert set(container) <= CONTAINER
            # Ray reads a pod's processors from its limits.
            assert container["resources"]["limits"] == container["resources"]["requests"]


def test_kubernetes_head_has_no_processors_and_the_workers_enough_for_the_profile(job: Any) -> None:
    cluster, ray = job["spec"]["rayClusterSpec"], load_profile("cluster").ray
    assert cluster["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    limits = [containers(group)[0]["resources"]["limits"] for group in cluster["workerGroupSpecs"]]
    fitting = [
        limit
        for limit in limits
        if float(limit["cpu"]) >= ray.training_cpus and float(limit.get("nvidia.com/gpu", 0)) >= ray.training_gpus
    ]
    assert fitting
    assert all(float(limit["memory"].removesuffix("Gi")) * 2**30 > 1e6 * ray.training_memory_mb for limit in fitting)
    volumes = {volume["name"] for volume in cluster["headGroupSpec"]["template"]["spec"]["volumes"]}
    assert {mount["name"] for mount in containers(cluster["headGroupSpec"])[0]["volumeMounts"]} == volumes


def test_versions_of_ray_are_those_that_are_known_to_work(job: Any) -> None:
    (version,) = re.findall(r"^ray==(.+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert job["spec"]["rayClusterSpec"]["rayVersion"] == version


@pytest.mark.integration
def test_rays_cluster_launcher_takes_the_clouds_file() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = prepare_config(yaml.safe_load((RUNNERS / "cloud.yaml").read_text(encoding="utf-8")))
    validate_config(config)
    types = config["available_node_types"]
    assert types[config["head_node_type"]]["resources"] == {"CPU": 0}
    assert all(types[name]["min_workers"] == 0 for name in ("processors", "gpus"))
    started = " ".join(config["head_start_ray_commands"])
    assert "--autoscaling-config=~/ray_bootstrap_config.yaml" in started
    assert "RAY_HEAD_IP" in " ".join(config["worker_start_ray_commands"])


def test_slurms_script_is_a_script() -> None:
    subprocess.run(["bash", "-n", RUNNERS / "slurm.sh"], check=True)


def test_slurms_script_starts_ray_on_every_node_and_the_search_on_the_first(tmp_path: Path) -> None:
    """With programs in place of SLURM's and Ray's that say how they were called."""
    for name, lines in {
        "python": "echo token",
        "scontrol": "echo node7; echo node8",
        "srun": 'while [[ $1 == --* ]]; do shift; done\n[ "$1" = hostname ] && echo 10.0.0.7 || echo "$@"',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{lines}\n")
        (tmp_path / name).chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:/usr/local/bin:/usr/bin:/bin",
        "SLURM_JOB_NODELIST": "node[7-8]",
        "SLURM_JOB_ID": "41",
        "SLURM_NNODES": "2",
        "SLURM_CPUS_PER_TASK": "16",
    }
    command = ["bash", str(RUNNERS / "slurm.sh"), "attention", "--trials", "5"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert shlex.split(done.stdout) == [
        *("ray", "symmetric-run", "--address", "10.0.0.7:20041", "--min-nodes", "2"),
        *("--num-cpus=16", "--num-gpus=0", "--", "mqn", "search", "attention", "--trials", "5"),
    ]
    assert not list(tmp_path.glob(".mqn-ray-token*"))
    nothing = subprocess.run(command[:2], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert (nothing.returncode, nothing.stderr[:13]) == (2, "usage: sbatch")


def test_images_are_made_of_what_is_there() -> None:
    text = (RUNNERS / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert {words[0] for words in lines} <= INSTRUCTIONS
    stages: list[str] = []
    copied: list[str] = []
    for word, rest in lines:
        if word == "FROM":
            image, _, name = rest.partition(" AS ")
            assert image in stages or image.startswith("python:")
            stages.append(name)
        elif word == "COPY":
            words = rest.split()
            if words[0].startswith("--from="):
                assert words[0].removeprefix("--from=") in stages
            else:
                copied += words[:-1]
    assert stages == ["base", "wheel", "worker", "agent"]
    assert [name for name in copied if not (ROOT / name).exists()] == []
    # Whatever the wheel is built of is copied.
    needed = ("pyproject.toml", "README.md", "LICENSE", "platform", "search_spaces", "runners", "dashboards")
    assert [name for name in needed if name not in copied] == []


def test_commands_of_the_images_exist() -> None:
    from mqn.cli.app import COMMANDS

    text = (RUNNERS / "Dockerfile").read_text(encoding="utf-8")
    commands = [re.findall(r'"([^"]+)"', line) for line in re.findall(r"^CMD \[(.+)\]$", text, re.MULTILINE)]
    assert {words[0] for words in commands} == {"ray", "mqn"}
    assert all(words[1] in COMMANDS for words in commands if words[0] == "mqn")
