"""A space around suggested plans, as TOML: it combines their schemes and rules, and starts at the plans themselves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from mqn.files.publishing import publish_file
from mqn.parsing import to_plain
from mqn.records import Calibration, Plan, Training
from mqn.search.space.space_file import load_space
from mqn.text.toml import table_lines, value_text

_TRIALS_A_START = 6
_CALIBRATIONS: tuple[str, ...] = tuple(name for name in get_args(Calibration) if name != "moving_average")


def write_space(path: Path, plans: Sequence[Plan], checkpoint: Path, training: Training) -> None:
    """Write a space around plans that differ only in schemes and rules, and make sure that it can be searched."""
    from mqn.data.pairs.evaluation import inputs_of

    flat = [_flat(plan) for plan in plans]
    choices: dict[str, list[Any]] = {
        "plan.backbone": [plan["plan.backbone"] for plan in flat],
        "plan.head": [*(plan["plan.head"] for plan in flat), "float32"],
        "plan.rules": ["", *(rules for plan in plans for rules in _rules_of(plan))],
    }
    choices = {key: list(dict.fromkeys(values)) for key, values in choices.items()}
    # Without a static side calibration has no effect.
    if any(plan.static for plan in plans):
        choices["plan.calibration"] = list(dict.fromkeys([flat[0]["plan.calibration"], *_CALIBRATIONS]))
    varied = {key: values for key, values in choices.items() if len(values) > 1}
    static = list(dict.fromkeys(plan.backbone for plan in plans if plan.static))
    when = {"plan.backbone": static} if len(static) < len(choices["plan.backbone"]) else {}
    fixed = {key: value for key, value in flat[0].items() if key not in varied}
    starts = [
        {
            key: plan[key]
            for key in varied
            if key != "plan.calibration" or not when or plan["plan.backbone"] in when["plan.backbone"]
        }
        for plan in flat
    ]
    lines = [
        "# Written by `mqn export --suggest`: its plans as starting points, and what lies between them.",
        f"trials = {_TRIALS_A_START * len(plans)}",
        "# Every trial takes this network; leave the line out, and fix arch and training, to train anew.",
        f"checkpoint = {value_text(str(checkpoint.absolute()))}",
        *table_lines("[[objectives]]", {"metric": "psnr_tm"}),
        *table_lines("[[objectives]]", {"metric": "latency_ms"}),
        *table_lines("[[objectives]]", {"metric": "size_bytes"}),
        *table_lines("[scoring]", {"inputs": inputs_of(training.virtual_camera)}),
        *table_lines("[fixed]", fixed),
    ]
    for key, values in varied.items():
        table = {"choices": values, **({"when": when} if key == "plan.calibration" and when else {})}
        lines += table_lines(f"[dimensions.{value_text(key)}]", table)
    for start in starts if varied else ():
        lines += table_lines("[[start]]", start)
    temporary = path.with_name(f".{path.stem}.new.toml")
    temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")
    load_space(str(temporary))
    publish_file(temporary, path)


def _rules_of(plan: Plan) -> tuple[str, str]:
    """The first half of a plan's rules, those that pay most, and all of them."""
    texts = [f"{pattern}={scheme}" for pattern, scheme in plan.scheme_rules]
    return "; ".join(texts[: (len(texts) + 1) // 2]), "; ".join(texts)


def _flat(plan: Plan) -> dict[str, Any]:
    return {f"plan.{name}": value for name, value in to_plain(plan).items()}
