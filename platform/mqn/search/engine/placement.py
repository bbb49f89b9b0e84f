"""Where a job goes: what its Ray task asks for.

- A training goes where its processors, GPUs, memory and labels are; Ray packs those.
- Conversions, quantizations and scores go wherever the artifacts can be read, by Ray's default: it fills nodes up
  before it begins others, so that workers with warm imports are used again, and keeps off nodes with GPUs, whose
  processors trainings need. Spreading would start a cold TensorFlow on every node.
- A measurement on a device with an agent of its own only waits. So it takes no processor, and such tasks are spread:
  forty of them would fill the memory of one node.
- A device that an agent of the driver drives (`loopback`, `adb:`, `ssh:`) is reached from the driver's node alone, also
  where that node has no processors for jobs.
- An exclusive measurement takes all processors of the driver's node, and the node's own resource: so drivers of other
  studies on a node without processors wait for each other too.
"""

from __future__ import annotations

from typing import Any

from mqn.profile_tables.ray import RayProfile
from mqn.search.engine.nodes import Node
from mqn.search.work.jobs import Job

_NODE_ID = "ray.io/node-id"
"""The label by which Ray knows a node."""


def task_options(job: Job, profile: RayProfile, own: Node, *, elsewhere: bool = False) -> dict[str, Any]:
    """The options of a job's task, as `ray.remote(...).options` takes them. Ray tries nothing again.

    That a job is bound to the driver's node is not among them.

    Args:
        job: what is done.
        profile: names labels.
        own: the driver's node.
        elsewhere: keep off the driver's node, for an exclusive job waits for it.
    """
    resources = job.resources
    options: dict[str, Any] = {"num_cpus": resources.cpus, "num_gpus": resources.gpus, "max_retries": 0}
    if resources.memory_bytes:
        options["memory"] = int(resources.memory_bytes)
    if resources.custom:
        options["resources"] = dict(resources.custom)
    if resources.pool == "training":
        options["runtime_env"] = {"env_vars": {"OMP_NUM_THREADS": str(max(1, int(resources.cpus)))}}
    if resources.exclusive:
        options["num_cpus"] = own.cpus
        if own.address and not profile.local:
            options["resources"] = {**options.get("resources", {}), own.address: 1.0}
    if bound(job):
        return options
    labels = dict(_labels(job, profile))
    if elsewhere:
        labels[_NODE_ID] = f"!{own.id}"
    if labels:
        options["label_selector"] = labels
    if job.target is not None:
        options["scheduling_strategy"] = "SPREAD"
    return options


def bound(job: Job) -> bool:
    """Whether a job has to run on the driver's node."""
    return job.resources.exclusive or job.resources.local


def _labels(job: Job, profile: RayProfile) -> dict[str, str]:
    if job.target is not None:
        return profile.measure_labels
    return profile.training_labels if job.resources.pool == "training" else profile.export_labels
