"""What `mqn compare` is asked to compare: families without a training, peers, checkpoints, and exported models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from mqn.errors import UnknownNameError, UsageError
from mqn.families import DEFAULT_FAMILY, FAMILIES
from mqn.families.contract import find_family
from mqn.infer.default import located
from mqn.parsing import from_mapping
from mqn.profile import Profile
from mqn.records import Arch, Candidate, Codec, Plan, Scheme, Training
from mqn.search.artifacts import GATE, Artifact, ArtifactStore
from mqn.search.checkpoint import Checkpoint
from mqn.search.gate.untrained import untrained_form
from mqn.search.pipeline import QUANTIZE, TRAIN, UNTRAINED, TrialPipeline
from mqn.search.space.goals import Scoring
from mqn.search.stages.quantize import model_names
from mqn.search.stages.train import cost_figures
from mqn.search.work.steps import run_steps

if TYPE_CHECKING:
    from mqn.data.dataset import Dataset

AT = "@"
"""Stands between a name and the scheme that both sides of the network get."""

_FLOAT = Plan(backbone="float32", head="float32")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """What is compared, before any work on it.

    Attributes:
        name: as the user wrote it.
        family: a family without a training; empty: `path` says what it is.
        path: of a checkpoint, or of an exported model. A peer is the checkpoint that its authors' weights make.
        plan: how it is quantized; None: as its files are.
    """

    name: str
    family: str = ""
    path: Path | None = None
    plan: Plan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A contender's files.

    Attributes:
        files: in the order they run.
        family: of the network; empty where only its files are known.
        plan: label of how they are quantized.
        trained: whether a training made the weights.
        parameters: of the network; None where only its files are known.
        macs: for one picture; None likewise.
        side: in pixels, of the square pictures that the files take; None: not known.
    """

    files: tuple[Path, ...]
    family: str
    plan: str
    trained: bool
    parameters: int | None = None
    macs: int | None = None
    side: int | None = None

    @property
    def size_bytes(self) -> int:
        """Of all files."""
        return sum(file.stat().st_size for file in self.files)


def parse_contender(word: str, size: int) -> Contender:
    """Find out what a word names.

    It is `FAMILY`, `expandnet:FILE` or another peer with its authors' weights, or a checkpoint, each also with
    `@SCHEME`; or an exported model, `default` among them. MQN without a training is quantized by the default plan, as
    checkpoints are; the others are not quantized.

    Args:
        word: of the user.
        size: side in pixels of the pictures that families and peers take.

    Raises:
        UnknownNameError: nothing goes by this name, and nothing lies at this path; or no such scheme.
        UsageError: a scheme for files that are quantized already.
        WeightsError: a peer's weights are missing, damaged, or another network's.
        ConfigError: no such network takes pictures of this size.
    """
    name, at, scheme = word.rpartition(AT) if AT in word else (word, "", "")
    if at and scheme not in get_args(Scheme):
        raise UnknownNameError("scheme", scheme, get_args(Scheme))
    plan = Plan(backbone=cast(Scheme, scheme), head=cast(Scheme, scheme)) if at else None
    family, colon, weights = name.partition(":")
    if colon and family in FAMILIES:
        from mqn.models.peers import write_checkpoint

        return Contender(name=word, path=write_checkpoint(family, Path(weights), size=size), plan=plan or _FLOAT)
    if name in FAMILIES or colon:
        _arch(name, size)
        return Contender(name=word, family=name, plan=plan or (Plan() if name == DEFAULT_FAMILY else _FLOAT))
    path = located(name)
    if path.is_dir() and (path / "checkpoint.pt").is_file():
        path = path / "checkpoint.pt"
    if path.suffix == ".pt" and path.is_file():
        return Contender(name=word, path=path, plan=plan or Plan())
    if path.is_dir() or (path.suffix == ".tflite" and path.is_file()):
        if at:
            raise UsageError(f"{word}: an exported model is quantized already; leave {at}{scheme} out")
        return Contender(name=word, path=path)
    raise UnknownNameError("family", name, FAMILIES, f"or a checkpoint.pt, or an exported model; nothing is at {name}")


class Exporting:
    """Exports contenders; what was exported before is not exported again."""

    def __init__(self, dataset: Dataset, store: ArtifactStore, size: int) -> None:
        """Prepare.

        Args:
            dataset: its training pictures calibrate.
            store: keeps what each step makes.
            size: side in pixels of the pictures that families without a training take.
        """
        self._dataset, self._store, self._size = dataset, store, size

    def export(self, contender: Contender) -> Exported:
        """A contender's files.

        Raises:
            CandidateError: it cannot be exported as asked, or not at this size.
            WeightsError: a checkpoint cannot be read.
            ModelFileError: an exported model is damaged.
        """
        if contender.family:
            return self._untrained(contender)
        assert contender.path is not None
        if contender.plan is not None:
            return self._trained(contender.path, contender.plan)
        from mqn.infer.exported import model_files

        files = tuple(model_files([contender.path]))
        return Exported(files=files, family="", plan="as exported", trained=True, side=_side(files[0]))

    def _untrained(self, contender: Contender) -> Exported:
        family = find_family(contender.family)
        assert contender.plan is not None
        candidate = untrained_form(
            Candidate(
                arch=_arch(family.name, self._size),
                training=Training(codec=cast(Codec, family.codecs[0])),
                plan=contender.plan,
            )
        )
        pipeline = TrialPipeline(self._dataset, Profile(), Scoring(), gate=True)
        made = run_steps(self._store, pipeline.steps(candidate), UNTRAINED, GATE + QUANTIZE)
        found = _files(made[GATE + QUANTIZE], contender.plan, made[UNTRAINED])
        return replace(found, family=family.name, trained=False)

    def _trained(self, path: Path, plan: Plan) -> Exported:
        network = Checkpoint.open(path, self._dataset, self._store)
        made = network.run(plan, QUANTIZE)
        return replace(_files(made[QUANTIZE], plan, made[TRAIN]), family=network.network.arch.family)


def _arch(family: str, size: int) -> Arch:
    return from_mapping(find_family(family).arch, {"family": family, "input_size": size}, source=f"--size {size}")


def _files(quantized: Artifact, plan: Plan, network: Artifact) -> Exported:
    figures = cost_figures(network)
    files = tuple(quantized.path(name) for name in model_names(quantized))
    return Exported(
        files=files,
        family="",
        plan=plan.label,
        trained=True,
        parameters=int(figures["parameters"]),
        macs=int(figures["macs"]),
        side=_side(files[0]),
    )


def _side(file: Path) -> int:
    from mqn.tflite.flatbuffer import Network

    network = Network.read(file)
    (picture,) = network.inputs().values()
    return int(network.tensors[picture].shape[1])
