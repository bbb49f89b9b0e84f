from __future__ import annotations

from typing import Any

import pytest

from mqn.profile_tables.ray import RayProfile
from mqn.search.engine.nodes import Node
from mqn.search.engine.placement import bound, task_options
from mqn.search.work.jobs import Job, Resources

OWN = Node(id="abc", amounts={"CPU": 6.0}, address="node:10.0.0.7")
JOINED = RayProfile(
    address="auto", training_labels={"gpu": "h200"}, export_labels={"disk": "nfs"}, measure_labels={"lab": "1"}
)


def options(
    resources: Resources, *, target: str | None = None, ray: RayProfile = JOINED, **more: Any
) -> dict[str, Any]:
    job = Job(stage="s", key="k", inputs={}, function=dict, resources=resources, target=target)
    return task_options(job, ray, OWN, **more)


def test_a_training_takes_all_that_it_asks_for():
    wanted = Resources(cpus=2, gpus=0.5, memory_bytes=2e9, custom=(("a100", 1.0),), pool="training")
    assert options(wanted) == {
        "num_cpus": 2,
        "num_gpus": 0.5,
        "memory": 2_000_000_000,
        "resources": {"a100": 1.0},
        "max_retries": 0,
        "runtime_env": {"env_vars": {"OMP_NUM_THREADS": "2"}},
        "label_selector": {"gpu": "h200"},
    }


def test_an_export_goes_where_ray_likes_among_nodes_with_the_storage():
    assert options(Resources()) == {
        "num_cpus": 1,
        "num_gpus": 0,
        "max_retries": 0,
        "label_selector": {"disk": "nfs"},
    }


def test_a_measurement_over_the_network_takes_nothing_and_is_spread():
    made = options(Resources(cpus=0), target="board")
    assert (made["num_cpus"], made["scheduling_strategy"]) == (0, "SPREAD")
    assert made["label_selector"] == {"lab": "1"}


@pytest.mark.parametrize("cpus", [0.0, 6.0])
def test_an_exclusive_measurement_takes_the_drivers_node_whole(cpus):
    own = Node(id="abc", amounts={"CPU": cpus}, address="node:10.0.0.7")
    job = Job(
        stage="s", key="k", inputs={}, function=dict, target="local",
        resources=Resources(cpus=1, exclusive=True, local=True),
    )  # fmt: skip
    made = task_options(job, JOINED, own)
    assert (made["num_cpus"], made["resources"]) == (cpus, {"node:10.0.0.7": 1.0})
    assert bound(job)
    assert "label_selector" not in made
    assert "resources" not in task_options(job, RayProfile(), own)


def test_a_phone_of_the_driver_is_reached_from_its_node():
    resources = Resources(cpus=0, local=True)
    assert options(resources, target="phone") == {"num_cpus": 0, "num_gpus": 0, "max_retries": 0}
    assert bound(Job(stage="s", key="k", inputs={}, function=dict, resources=resources))
    assert not bound(Job(stage="s", key="k", inputs={}, function=dict))


def test_others_keep_off_the_drivers_node_while_an_exclusive_job_waits():
    assert options(Resources(), elsewhere=True)["label_selector"] == {"disk": "nfs", "ray.io/node-id": "!abc"}
    assert options(Resources(), ray=RayProfile(), elsewhere=True)["label_selector"] == {"ray.io/node-id": "!abc"}
