from __future__ import annotations

from mqn.search.work.engine import Capacity
from mqn.search.work.jobs import Resources

CLUSTER = Capacity(amounts={"CPU": 8.0, "GPU": 1.0, "memory": 4e9, "scanner": 1.0}, own_cpus=2.0, nodes=3)


def test_a_jobs_amounts_leave_out_what_it_does_not_take():
    assert Resources().amounts == {"CPU": 1}
    assert Resources(cpus=0).amounts == {}
    every = Resources(cpus=2, gpus=0.5, memory_bytes=2e9, custom=(("scanner", 1.0),))
    assert every.amounts == {"CPU": 2, "GPU": 0.5, "memory": 2e9, "scanner": 1.0}


def test_a_job_begins_where_every_resource_is_left():
    wanted = Resources(cpus=2, gpus=0.5).amounts
    assert CLUSTER.admits({}, wanted)
    assert CLUSTER.admits({"CPU": 6.0, "GPU": 0.5}, wanted)
    assert not CLUSTER.admits({"CPU": 6.5}, wanted)
    assert not CLUSTER.admits({"GPU": 1.0}, wanted)
    assert not CLUSTER.admits({}, {"tpu": 1.0})


def test_ten_tenths_are_one():
    taken = sum([0.1] * 9)
    assert CLUSTER.admits({"GPU": taken}, {"GPU": 0.1})
    assert CLUSTER.count({"GPU": 0.1}) == 10


def test_the_scarcest_resource_says_how_many_run_at_a_time():
    assert CLUSTER.count({"CPU": 2}) == 4
    assert CLUSTER.count({"CPU": 2, "GPU": 0.5}) == 2
    assert CLUSTER.count({"CPU": 2, "memory": 3e9}) == 1
    assert CLUSTER.count({"tpu": 1.0}) == 0


def test_one_machine_alone_has_no_room_beside_an_exclusive_job():
    assert Capacity(amounts={"CPU": 2.0}, own_cpus=2.0).single
    assert not CLUSTER.single
    assert not Capacity(amounts={"CPU": 4.0}, own_cpus=0.0, nodes=2).single
