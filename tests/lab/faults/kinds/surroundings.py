"""Faults of what processes stand on: servers, networks, storage, clocks."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from tests.lab.faults.kinds.fault import Fault, Injected, Scene
from tests.support.rigs.line import Line


def _mended(line: Line, words: str) -> Callable[[], str]:
    def mend() -> str:
        line.mend()
        return words

    return mend


def crash_database(scene: Scene) -> Injected:
    """PostgreSQL's machine fails, and recovers."""
    database = scene.field.database
    database.crash()

    def mend() -> str:
        database.start()
        return "started PostgreSQL"

    return Injected(what="crashed PostgreSQL", seconds=scene.dice.uniform(1, 15), heal=mend)


def cut_database_connections(scene: Scene) -> Injected:
    """An administrator or a balancer ends every connection."""
    return Injected(what=f"ended {scene.field.database.cut_connections()} connections of PostgreSQL")


def stall_database(scene: Scene) -> Injected:
    """Nothing comes back from it, and nothing breaks."""
    scene.field.database_line.stall()
    mend = _mended(scene.field.database_line, "PostgreSQL answers again")
    return Injected(what="let PostgreSQL be silent", seconds=scene.dice.uniform(2, 20), heal=mend)


def kill_tracker(scene: Scene) -> Injected:
    """MLflow's server."""
    tracker = scene.field.tracker
    tracker.stop()

    def mend() -> str:
        tracker.start()
        return "started MLflow"

    return Injected(what="killed MLflow", seconds=scene.dice.uniform(1, 20), heal=mend)


def stall_tracker(scene: Scene) -> Injected:
    """Nothing comes back from it, and nothing breaks."""
    scene.field.tracker_line.stall()
    mend = _mended(scene.field.tracker_line, "MLflow answers again")
    return Injected(what="let MLflow be silent", seconds=scene.dice.uniform(2, 20), heal=mend)


def refuse_tracking(scene: Scene) -> Injected:
    """A proxy in front of it that has lost it."""
    status = scene.dice.choice([429, 502, 503])
    scene.field.tracker_line.answer(status)
    mend = _mended(scene.field.tracker_line, "MLflow answers again")
    return Injected(what=f"let MLflow answer {status}", seconds=scene.dice.uniform(2, 15), heal=mend)


def cut_device(scene: Scene) -> Injected:
    """The network of a device."""
    agent = scene.dice.choice(scene.field.agents)
    number = scene.field.agents.index(agent) + 1
    stall = scene.dice.random() < 0.5
    (agent.line.stall if stall else agent.line.cut)()
    words = f"{'let board' if stall else 'cut off board'} {number}{' be silent' if stall else ''}"
    mend = _mended(agent.line, f"board {number} answers again")
    return Injected(what=words, seconds=scene.dice.uniform(1, 15), heal=mend)


def cut_node(scene: Scene) -> Injected | None:
    """The network of one node: shorter or longer than Ray waits for it."""
    field = scene.field
    there = field.there
    if there is None or "far" not in field.nodes:
        return None
    seconds = scene.dice.choice([2.0, 25.0])
    there.cut()

    def mend() -> str:
        there.restore()
        if seconds < 5:
            return "joined the network of node far again"
        # It was given up; it ends by itself, but when is Ray's affair.
        field.kill_node("far")
        field.add_node("far")
        return "joined the network of node far again, and started another node there"

    return Injected(what=f"cut the network of node far for {seconds:g} s", seconds=seconds, heal=mend)


def fail_storage(scene: Scene) -> Injected:
    """S3 is overloaded, silent or away."""
    s3 = scene.field.s3
    assert s3 is not None
    ways: dict[str, Callable[[], object]] = {
        "answer 503": lambda: s3.line.answer(503),
        "be silent": s3.line.stall,
        "be away": s3.line.cut,
    }
    way = scene.dice.choice(sorted(ways))
    ways[way]()
    return Injected(what=f"let S3 {way}", seconds=scene.dice.uniform(1, 12), heal=_mended(s3.line, "S3 is back"))


def fill_disk(scene: Scene) -> Injected:
    """The disk of drivers' homes, and of artifacts where they lie there, is full."""
    filler = scene.field.disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as stream:
        while True:
            stream.write(bytes(1 << 16))

    def mend() -> str:
        filler.unlink()
        return "made room on the disk"

    return Injected(what="filled the disk", seconds=scene.dice.uniform(1, 12), heal=mend)


def shift_clock(scene: Scene) -> Injected | None:
    """The clock of one machine jumps, and is set right later."""
    places = [*scene.field.nodes, *(driver.place for driver in scene.awake())]
    clocks = {place: scene.field.clocks[place] for place in places if place in scene.field.clocks}
    if not clocks:
        return None
    place = scene.dice.choice(sorted(clocks))
    seconds = scene.dice.choice([-1, 1]) * scene.dice.choice([5.0, 120.0, 4000.0, 90000.0])
    clocks[place].set_off(seconds)

    def mend() -> str:
        clocks[place].set_off(0.0)
        return f"set the clock of {place} right"

    return Injected(
        what=f"shifted the clock of {place} by {seconds:+g} s", seconds=scene.dice.uniform(3, 20), heal=mend
    )


FAULTS = (
    Fault("crash database", "database", crash_database),
    Fault("cut database connections", "database", cut_database_connections),
    Fault("stall database", "database", stall_database),
    Fault("kill tracker", "tracker", kill_tracker),
    Fault("stall tracker", "tracker", stall_tracker, 0.5),
    Fault("refuse tracking", "tracker", refuse_tracking, 0.5),
    Fault("cut device", "agent", cut_device),
    Fault("cut node", "ray", cut_node, can=lambda field: field.there is not None),
    Fault("fail storage", "storage", fail_storage, 3.0, can=lambda field: field.s3 is not None),
    Fault("fill disk", "storage", fill_disk, can=lambda field: field.mounted),
    Fault("shift clock", "clock", shift_clock, 2.0, can=lambda field: field.clock_library is not None),
)
