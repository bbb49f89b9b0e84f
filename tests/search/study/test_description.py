from __future__ import annotations

from mqn.search.space.space_file import parse_space
from mqn.search.study.about import About
from mqn.search.study.description import describe_study
from mqn.search.study.studies import create_study

SPACE = {
    "name": "two",
    "description": "a | b <script>",
    "sampler": "random",
    "trials": 4,
    "objectives": [{"metric": "psnr_tm"}, {"metric": "latency_ms"}],
    "constraints": [{"metric": "size_bytes", "max": 1_200_000}],
    "dimensions": {
        "arch.attention": {"choices": ["ca", "sa"]},
        "training.learning_rate": {"low": 1e-4, "high": 1e-3, "log": True},
    },
}


def test_a_study_says_what_it_varies_what_it_is_after_and_how_to_go_on(tmp_path):
    space = parse_space(SPACE, source="test")
    about = About(
        space=space.definition,
        space_hash=space.hash,
        space_name="a_*b*",
        data="http://u:s3cret@h/x",
        targets=("board",),
    )
    study = create_study("st", f"sqlite:///{tmp_path}/study.db", about)
    told = describe_study(study, "mqn search two --study st --resume")
    assert "**st**: a \\| b &lt;script&gt;" in told
    assert "- maximize psnr_tm" in told
    assert "- size" in told
    assert "1,200,000" in told
    assert "arch.attention: ca, sa" in told
    assert "log True" in told
    assert "\n    mqn search two --study st --resume\n" in told
    assert "    mqn ui st" in told
    assert "s3cret" not in told
    assert study.space.keys == ["arch.attention", "training.learning_rate"]
