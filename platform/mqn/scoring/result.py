"""The request for a scoring, and its result."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mqn.metrics.measures import PIXELS_PER_DEGREE, split_name
from mqn.parsing import to_plain
from mqn.quantities import quantity
from mqn.scoring.comparison import Difference
from mqn.scoring.judging.engine import Failure
from mqn.scoring.judging.evaluation import PictureSet
from mqn.scoring.judging.ledger import Line
from mqn.scoring.methods import Method
from mqn.scoring.summary import Summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request to score methods.

    Attributes:
        methods: the methods to judge, including the one to compare with.
        pictures: the pictures to judge them on.
        metrics: the measures; the first one ranks.
        against: name of the method that all others are compared with; None: no comparison.
        output: folder for tables, figures, the sheet and the ledger; None keeps a ledger under `$MQN_HOME` only.
        workers: how many processes.
        allow_missing: leave out pictures that a folder of predictions lacks, instead of refusing the folder.
        fresh: judge everything again, even what is in the ledger.
        seed: for intervals and permutation tests.
    """

    methods: tuple[Method, ...]
    pictures: PictureSet
    metrics: tuple[str, ...]
    workers: int
    against: str | None = None
    output: Path | None = None
    allow_missing: bool = False
    fresh: bool = False
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Methods on the same pictures.

    Attributes:
        summaries: by method, the best first.
        differences: each other method minus `Request.against`, by metric.
    """

    summaries: dict[str, Summary]
    differences: dict[str, dict[str, Difference]]


@dataclass(slots=True, kw_only=True)
class Result:
    """The result of a scoring.

    Attributes:
        request: what was asked for.
        lines: by method, the best first, and the picture's index.
        overall: the ranking on all pictures; methods without any figures are left out.
        protocols: by method, everything that its figures depend on.
        conditions: a ranking for each kind of input; empty if there is only one kind.
        failures: judgements that failed.
        left_out: what folders of predictions lack, if that is allowed.
        judged: how many judgements are new; the others were in the ledger.
    """

    request: Request
    lines: dict[str, dict[int, Line]]
    overall: Ranking
    protocols: dict[str, dict[str, Any]]
    conditions: dict[str, Ranking]
    failures: list[Failure]
    left_out: list[str] = field(default_factory=list)
    judged: int = 0

    @property
    def stated(self) -> str:
        """What readers must know of the figures: the pictures, where lower is better, HDR-VDP's resolution."""
        sizes = sorted({(line.width, line.height) for lines in self.lines.values() for line in lines.values()})
        named = [f"{width} x {height}" for width, height in (sizes if len(sizes) < 3 else (sizes[0], sizes[-1]))]
        pictures = self.request.pictures
        parts = [f"{pictures.inputs} inputs", f"split {pictures.split}", f"dataset {pictures.hash[:12]}"]
        parts += [f"a sample of {pictures.limit} pictures"] if pictures.limit else []
        parts.append(f"pictures of {(' and ' if len(sizes) < 3 else ' to ').join(named)} pixels")
        quantities = [quantity(split_name(name)[0]) for name in self.request.metrics]
        lower = dict.fromkeys(q.label for q in quantities if q.direction == "minimize")
        if lower:
            parts.append(f"lower is better in {' and '.join(lower)}")
        if any(name.startswith("hdrvdp") for name in self.request.metrics):
            parts.append(f"HDR-VDP at {PIXELS_PER_DEGREE:g} pixels per degree")
        return ", ".join(parts)

    def document(self) -> dict[str, Any]:
        """Plain values for JSON. A single method's figures stand at the top level, several under `methods`."""
        methods = {
            name: {
                **to_plain(summary),
                "rank": place,
                "failed": [to_plain(failure) for failure in self.failures if failure.method == name],
                "protocol": self.protocols[name],
            }
            for place, (name, summary) in enumerate(self.overall.summaries.items(), start=1)
        }
        single = [method.name for method in self.request.methods if method.name != self.request.against]
        top = {"method": single[0], **methods[single[0]]} if len(single) == 1 and single[0] in methods else {}
        if len(self.request.methods) > 1:
            top["methods"] = methods
            top["ranked_by"] = self.request.metrics[0]
            top["against"] = {
                "method": self.request.against,
                "differences": to_plain(self.overall.differences),
                "conditions": {label: to_plain(ranking.differences) for label, ranking in self.conditions.items()},
            }
        return {**top, "left_out": self.left_out, "failed": to_plain(self.failures), "judged": self.judged}
