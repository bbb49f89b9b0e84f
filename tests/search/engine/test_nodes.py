from __future__ import annotations

import pytest

from mqn.errors import ClusterError, ConfigError
from mqn.profile_tables.ray import AutoscaleProfile, RayProfile
from mqn.search.engine.nodes import Node, Nodes, await_needs, capacity_of, check_needs

HEAD = Node(id="head", amounts={"CPU": 0.0, "memory": 1e9})
WORKER = Node(id="worker", amounts={"CPU": 4.0, "GPU": 1.0, "memory": 2e9}, labels={"zone": "a"})
JOINED = RayProfile(address="auto", training_cpus=2)


def test_a_node_of_ray_leaves_out_what_no_job_asks_for():
    resources = {"CPU": 2.0, "node:__internal_head__": 1.0, "node:10.0.0.7": 1.0, "object_store_memory": 9.0}
    plain = {"NodeID": "n", "Alive": True, "Resources": resources, "Labels": {"zone": "a"}}
    assert Node.from_ray(plain) == Node(id="n", amounts={"CPU": 2.0}, labels={"zone": "a"}, address="node:10.0.0.7")


def test_nodes_that_come_and_go_are_seen_within_a_second():
    now, there = 0.0, [HEAD]
    nodes = Nodes("head", JOINED, lambda _: list(there), lambda: now)
    there.append(WORKER)
    assert nodes.capacity.cpus == 0
    now = 1.0
    assert nodes.capacity.amounts == {"CPU": 4.0, "GPU": 1.0, "memory": 3e9}
    assert (nodes.capacity.own_cpus, nodes.capacity.nodes) == (0.0, 2)
    assert nodes.take_gone() == frozenset()
    there.remove(WORKER)
    now = 2.0
    assert nodes.capacity.cpus == 0
    assert nodes.take_gone() == {"worker"}
    assert nodes.take_gone() == frozenset()


def test_a_cluster_that_does_not_answer_keeps_what_it_had():
    def fail() -> list[Node]:
        raise ClusterError("Ray's head does not answer")

    answers = [lambda: [WORKER], fail, fail, lambda: [WORKER]]
    now = 0.0
    nodes = Nodes("worker", JOINED, lambda _: answers.pop(0)(), lambda: now)
    now = 5.0
    assert nodes.capacity.cpus == 4
    nodes.check_answers()
    now = 10.0
    assert nodes.capacity.cpus == 4
    with pytest.raises(ClusterError, match="has not answered for 10 s"):
        nodes.check_answers()
    now = 11.0
    assert nodes.capacity.cpus == 4
    nodes.check_answers()
    assert not answers


def test_a_local_ray_is_read_once():
    reads = [[WORKER]]
    now = 0.0
    nodes = Nodes("worker", RayProfile(), lambda _: reads.pop(), lambda: now)
    now = 100.0
    assert nodes.capacity.single


def test_a_driver_outside_of_the_cluster_has_nothing_of_its_own():
    assert Nodes("elsewhere", JOINED, lambda _: [WORKER]).own == Node(id="elsewhere")


def test_what_a_cluster_may_grow_to_counts_as_there():
    ray = RayProfile(address="auto", autoscale=AutoscaleProfile(cpus=64, gpus=8), training_resources={"a100": 1})
    grown = capacity_of([HEAD, WORKER], 0.0, ray)
    assert (grown.cpus, grown.gpus, grown.nodes) == (64, 8, 2)
    assert grown.count({"CPU": 4, "GPU": 1, "memory": 1e12, "a100": 1}) == 8
    # More than the bound is there already.
    small = RayProfile(address="auto", autoscale=AutoscaleProfile(cpus=1))
    assert capacity_of([WORKER], 4.0, small).cpus == 4


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"training_cpus": 5}, "ray.training_cpus = 5, but no machine has more than 4; 2 machines are there, with 4 "),
        ({"training_gpus": 2}, "ray.training_gpus = 2, but no machine has more than 1"),
        ({"export_cpus": 6}, "ray.export_cpus = 6, but no machine has more than 4"),
        ({"training_memory_mb": 3000}, "ray.training_memory_mb = 3000, but no machine has more than 2000"),
        ({"training_resources": {"tpu": 1}}, "ray.training_resources.tpu = 1, but no machine has more than 0"),
        ({"training_labels": {"zone": "b"}}, "ray.training_labels: no machine has the label zone = b"),
    ],
)
def test_what_no_node_has_is_refused_in_a_line(changes, line):
    with pytest.raises(ConfigError) as caught:
        check_needs([HEAD, WORKER], RayProfile(address="auto", **changes))
    assert str(caught.value).startswith(line)
    assert str(caught.value).endswith("with 4 processors and 1 GPUs in all; lower it in the profile, or add machines")


def test_what_no_node_has_together_is_refused():
    other = Node(id="other", amounts={"CPU": 8.0})
    with pytest.raises(ConfigError, match=r"ray.training_cpus = 8, ray.training_gpus = 1: no machine has all of that"):
        check_needs([WORKER, other], RayProfile(address="auto", training_cpus=8, training_gpus=1))


def test_what_there_is_needs_no_words():
    ray = RayProfile(address="auto", training_gpus=1, training_labels={"zone": "a", "spot": "!true"})
    assert check_needs([HEAD, WORKER], ray) == ""


def test_a_cluster_that_grows_is_waited_for_up_to_its_bound():
    ray = RayProfile(address="auto", training_gpus=1, autoscale=AutoscaleProfile(cpus=8, gpus=4))
    assert check_needs([HEAD], ray) == (
        "ray.training_cpus = 2, but no machine has more than 0; 1 machine is there, with 0 processors and 0 GPUs in "
        "all; jobs wait until the cluster has grown (ray.autoscale)"
    )
    with pytest.raises(ConfigError, match=r"ray.autoscale.gpus = 0, but one job takes 1; raise it in the profile"):
        check_needs([HEAD], RayProfile(address="auto", training_gpus=1, autoscale=AutoscaleProfile(cpus=8)))


class Late:
    """A cluster whose worker comes some seconds after its head, in a time of its own."""

    def __init__(self, seconds: float) -> None:
        self.now, self.seconds = 0.0, seconds
        self.told: list[str] = []
        self.nodes = Nodes("head", JOINED, lambda _: [HEAD, *([WORKER] if self.now >= seconds else [])], self.clock)

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def wait(self, patience_seconds: float, profile: RayProfile = JOINED) -> str:
        return await_needs(self.nodes, profile, self.told.append, patience_seconds, self.clock, self.sleep)


def test_machines_that_follow_their_head_are_waited_for():
    late = Late(30)
    assert late.wait(1800) == ""
    assert late.now == 30
    assert late.told == [
        "ray.training_cpus = 2, but no machine has more than 0; 1 machine is there, with 0 processors and 0 GPUs in "
        "all; lower it in the profile, or add machines: waiting for these, up to 30 minutes"
    ]


@pytest.mark.parametrize(("patience", "waited"), [(0, 0), (20, 20)])
def test_who_has_no_patience_left_is_told_what_is_there(patience, waited):
    late = Late(30)
    with pytest.raises(ConfigError, match="no machine has more than 0; 1 machine is there"):
        late.wait(patience)
    assert late.now == waited


def test_a_bound_that_no_machine_can_meet_is_not_waited_for():
    late = Late(30)
    small = RayProfile(address="auto", training_cpus=2, autoscale=AutoscaleProfile(cpus=1))
    with pytest.raises(ConfigError, match=r"ray\.autoscale\.cpus = 1, but one job takes 2"):
        late.wait(1800, small)
    assert late.now == 0
