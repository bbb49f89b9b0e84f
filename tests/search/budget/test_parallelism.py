from __future__ import annotations

from mqn.profile_tables.ray import RayProfile
from mqn.search.budget.parallelism import follow_capacity
from mqn.search.space.space_file import load_space, parse_space
from mqn.search.work.engine import Capacity


def choose(space: str, ray: RayProfile, **amounts: float) -> int:
    return follow_capacity(load_space(space), ray, lambda: Capacity(amounts=amounts))()


def test_all_plans_of_two_networks_are_on_their_way():
    # Two processors, a training takes both: one network trains, the plans of another are exported and measured.
    assert choose("smoke", RayProfile(), CPU=2) == 2 * 3
    assert choose("smoke", RayProfile(training_cpus=1), CPU=4) == 5 * 3
    sampled = parse_space({"name": "s", "objectives": [{"metric": "macs"}]}, source="s")
    assert follow_capacity(sampled, RayProfile(), lambda: Capacity(amounts={"CPU": 2.0}))() == 2


def test_what_is_scarcest_counts():
    ray = RayProfile(training_cpus=1, training_gpus=0.5)
    assert choose("smoke", ray, CPU=64, GPU=1) == 3 * 3
    assert choose("smoke", RayProfile(training_cpus=0), CPU=3) == 4 * 3
    assert choose("smoke", ray, CPU=0) == 2 * 3  # Nodes are still to come.


def test_more_are_begun_when_nodes_come():
    cpus = 2.0
    parallel = follow_capacity(load_space("smoke"), RayProfile(), lambda: Capacity(amounts={"CPU": cpus}))
    assert parallel() == 2 * 3
    cpus = 8.0
    assert parallel() == 5 * 3
