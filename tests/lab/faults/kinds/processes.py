"""Faults of processes: drivers, workers, Ray's own, agents."""

from __future__ import annotations

import contextlib
import os
import signal

from tests.lab.faults.field import PLACES
from tests.lab.faults.kinds.fault import Fault, Injected, Scene
from tests.lab.faults.stages import LEASE_SECONDS


def kill_driver(scene: Scene) -> Injected | None:
    """SIGKILL."""
    awake = scene.awake()
    if not awake:
        return None
    driver = scene.dice.choice(awake)
    driver.end()
    return Injected(what=f"killed the driver on {driver.place}")


def interrupt_driver(scene: Scene) -> Injected | None:
    """Ctrl-C or SIGTERM, as of a user, or of a batch system."""
    awake = scene.awake()
    if not awake:
        return None
    driver, number = scene.dice.choice(awake), scene.dice.choice([signal.SIGINT, signal.SIGTERM])
    driver.signal(number)
    return Injected(what=f"sent {number.name} to the driver on {driver.place}")


def freeze_driver(scene: Scene) -> Injected | None:
    """SIGSTOP, past the lease; then it wakes up, and has to see that its time is over."""
    awake = scene.awake()
    if not awake:
        return None
    driver = scene.dice.choice(awake)
    seconds = LEASE_SECONDS * scene.dice.choice([0.2, 1.3])
    driver.signal(signal.SIGSTOP)
    driver.frozen = True

    def wake() -> str:
        driver.signal(signal.SIGCONT)
        driver.frozen = False
        return f"woke the driver on {driver.place}"

    return Injected(what=f"froze the driver on {driver.place}", seconds=seconds, heal=wake)


def lose_driver_machine(scene: Scene) -> Injected | None:
    """A laptop that never comes back, and what it had not sent."""
    awake = scene.awake()
    if not awake:
        return None
    driver = scene.dice.choice(awake)
    place = driver.place
    driver.lose_machine()
    return Injected(what=f"lost {place} with its driver and its home")


def kill_worker(scene: Scene) -> Injected | None:
    """SIGKILL, as the kernel does where memory is short."""
    workers = sorted(scene.field.workers())
    if not workers:
        return None
    pid = scene.dice.choice(workers)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return Injected(what=f"killed worker {pid}")
    return None


def freeze_worker(scene: Scene) -> Injected | None:
    """SIGSTOP for a while: a machine that swaps."""
    workers = sorted(scene.field.workers())
    if not workers:
        return None
    pid = scene.dice.choice(workers)

    def wake() -> str:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
        return f"woke worker {pid}"

    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
        return Injected(what=f"froze worker {pid}", seconds=scene.dice.uniform(2, 15), heal=wake)
    return None


def kill_raylet(scene: Scene) -> Injected | None:
    """One node's raylet: its workers go with it; another node comes."""
    field = scene.field
    if not field.nodes:
        return None
    place = scene.dice.choice(sorted(field.nodes))
    field.cluster.kill_raylet(field.nodes[place])

    def mend() -> str:
        field.kill_node(place)
        field.add_node(place)
        return f"started another node {place}"

    return Injected(what=f"killed the raylet of node {place}", seconds=scene.dice.uniform(2, 8), heal=mend)


def kill_node(scene: Scene) -> Injected | None:
    """A machine that loses its power; another comes."""
    field = scene.field
    if not field.nodes:
        return None
    place = scene.dice.choice(sorted(field.nodes))
    field.kill_node(place)

    def mend() -> str:
        field.add_node(place)
        return f"started another node {place}"

    return Injected(what=f"killed node {place}", seconds=scene.dice.uniform(0, 10), heal=mend)


def kill_head(scene: Scene) -> Injected | None:
    """Ray's head, and with it the cluster; another comes at its address, with other nodes."""
    field = scene.field
    assert field.cluster.head is not None
    field.cluster.kill_node(field.cluster.head)

    def mend() -> str:
        for place in sorted(field.nodes):
            field.kill_node(place)
        field.cluster.start_head()
        for place in PLACES:
            field.add_node(place)
        return "started another head, and its nodes"

    return Injected(what="killed Ray's head", seconds=scene.dice.uniform(2, 10), heal=mend)


def kill_agent(scene: Scene) -> Injected | None:
    """A device that crashes and boots again."""
    agent = scene.dice.choice(scene.field.agents)
    number = scene.field.agents.index(agent) + 1
    agent.kill()

    def mend() -> str:
        agent.start()
        return f"started the agent of board {number}"

    return Injected(what=f"killed the agent of board {number}", seconds=scene.dice.uniform(1, 10), heal=mend)


FAULTS = (
    Fault("kill driver", "driver", kill_driver, 2.0),
    Fault("interrupt driver", "driver", interrupt_driver),
    Fault("freeze driver", "driver", freeze_driver),
    Fault("lose driver's machine", "driver", lose_driver_machine),
    Fault("kill worker", "worker", kill_worker, 2.0),
    Fault("freeze worker", "worker", freeze_worker),
    Fault("kill raylet", "ray", kill_raylet),
    Fault("kill node", "ray", kill_node),
    Fault("kill head", "ray", kill_head, 0.5),
    Fault("kill agent", "agent", kill_agent),
)
