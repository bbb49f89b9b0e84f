from __future__ import annotations

from mqn.search.artifacts import ArtifactStore
from mqn.search.work.engine import Capacity
from mqn.search.work.jobs import Job, Resources
from mqn.search.work.scheduler import Scheduler


class Held:
    """An engine that has more than this driver may use of it. Jobs never end."""

    def __init__(self) -> None:
        self.capacity = Capacity(amounts={"CPU": 8.0, "GPU": 2.0}, nodes=2, share={"CPU": 4.0})
        self.begun: list[Job] = []

    def submit(self, store: ArtifactStore, job: Job) -> int:
        self.begun.append(job)
        return len(self.begun)

    def wait(self, handles: list[int], timeout: float) -> list[int]:
        return []


def job(number: int, **taken: float) -> Job:
    return Job(stage="train", key=str(number), inputs={}, function=dict, resources=Resources(**taken))


def test_a_driver_begins_no_more_than_its_share_and_says_what_it_wants(tmp_path):
    engine = Held()
    scheduler = Scheduler(ArtifactStore(tmp_path), engine)
    for number in range(6):
        scheduler.request(job(number, cpus=2, gpus=0.25), number)
    scheduler.request(job(9, cpus=1), 9)
    scheduler.step(0.0)
    assert sum(begun.resources.cpus for begun in engine.begun) == 4
    assert scheduler.demand(engine.capacity) == ({"CPU": 13.0, "GPU": 1.5}, {"CPU": 2.0, "GPU": 0.25})
    engine.capacity = Capacity(amounts={"CPU": 8.0, "GPU": 2.0}, nodes=2)
    scheduler.step(0.0)
    assert sum(begun.resources.cpus for begun in engine.begun) == 8


def test_a_driver_without_a_share_begins_one_job_all_the_same(tmp_path):
    engine = Held()
    engine.capacity = Capacity(amounts={"CPU": 8.0}, nodes=2, share={"CPU": 0.0})
    scheduler = Scheduler(ArtifactStore(tmp_path), engine)
    for number in range(3):
        scheduler.request(job(number, cpus=2), number)
    scheduler.step(0.0)
    assert len(engine.begun) == 1


def test_how_many_fit_follows_the_share():
    capacity = Capacity(amounts={"CPU": 8.0, "GPU": 2.0}, share={"CPU": 4.0, "GPU": 9.0})
    assert capacity.count({"CPU": 2.0}) == 2
    assert capacity.count({"GPU": 0.5}) == 4
    assert capacity.cpus == 8.0
