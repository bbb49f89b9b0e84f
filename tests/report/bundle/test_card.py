"""What a model card says of a model beside its input, of data and licence, and of text from elsewhere."""

from __future__ import annotations

import pytest
from tests.support.records import make_manifest, make_scores

from mqn.data.licence import Origin
from mqn.parsing import to_plain
from mqn.records import Interval
from mqn.report.bundle.against_input import against_input
from mqn.report.bundle.card import Evidence, model_card
from mqn.text.markdown import escape

MODEL = make_manifest()
WARD = Origin(name="ward", licence="CC BY 4.0", procedural=False, counts={"train": 30, "val": 4}, hash="0a1b")


def scores(**figures: list[float | None]) -> dict:
    """Scores of four pictures of four sources."""
    known = {name: [value for value in values if value is not None] for name, values in figures.items()}
    means = {name: sum(values) / len(values) for name, values in known.items()}
    return to_plain(
        make_scores(
            pictures=4,
            scores={name: Interval(mean=mean, low=mean - 1, high=mean + 1) for name, mean in means.items()},
            per_picture={name: tuple(values) for name, values in figures.items()},
            names=("a", "b", "c", "d"),
            protocol={"sources": ["a", "b", "c", "d"], "operators": {"mulaw": {"mu": 5000}}},
        )
    )


def card(record, *, origin=WARD, inputs="camera", ours=None, nothing=None) -> str:
    evidence = Evidence(
        scores=ours or {}, baseline=nothing or {}, measurements={}, model=MODEL, origin=origin, inputs=inputs
    )
    return model_card("MQN", record, evidence)


def test_a_measure_is_better_or_worse_only_where_its_interval_leaves_0_out():
    ours = scores(psnr_tm=[20.0, 21, 22, 23], clipped_error=[0.5, 0.5, 0.6, None], pu21_psnr=[9.0, 11, 9, 11])
    nothing = scores(psnr_tm=[21.0, 22, 24, 24], clipped_error=[0.7, 0.9, 0.8, 0.1], pu21_psnr=[10.0, 10, 10, 10])
    found = {one.metric: one for one in against_input(ours, nothing)}
    assert {name: one.verdict for name, one in found.items()} == {
        "psnr_tm": "worse",
        "clipped_error": "better",  # Less is better, and a picture without a figure says nothing.
        "pu21_psnr": "not told apart",
    }
    assert found["psnr_tm"].difference == pytest.approx(-1.25)
    assert found["psnr_tm"].low == pytest.approx(-1.75, abs=0.26)
    assert list(against_input(ours, {**nothing, "names": ["a", "b", "c", "x"]})) == []


def test_one_source_tells_nothing_apart():
    ours, nothing = scores(psnr_tm=[20.0, 21, 22, 23]), scores(psnr_tm=[10.0, 10, 10, 10])
    for one in (ours, nothing):
        one["protocol"]["sources"] = ["a"] * 4
    assert [one.verdict for one in against_input(ours, nothing)] == ["not told apart"]


def test_a_model_that_is_worse_than_its_input_is_not_meant_for_use(trial):
    worse, better = [1.0, 2, 3, 4], [11.0, 12, 13, 14]
    ours = scores(psnr_tm=worse, ssim_tm=worse, pu21_psnr=better)
    text = card(trial(0, 1, 1), ours=ours, nothing=scores(psnr_tm=better, ssim_tm=better, pu21_psnr=worse))
    assert "Not meant for use as it is" in text
    assert "worse than its input in 2 of 3 measures (PSNR-TM, SSIM-TM)" in text
    assert "| PSNR-TM (dB) | 2.50 | 1.50 to 3.50 | 12.50 | -10.00 (-10.00 to -10.00) | worse |" in text
    text = card(trial(0, 1, 1), ours=scores(psnr_tm=better), nothing=scores(psnr_tm=worse))
    assert "Meant for showing" in text
    assert "better than its input in 1 of 1 measures" in text
    text = card(trial(0, 1, 1), ours=scores(psnr_tm=better), nothing=scores(psnr_tm=better))
    assert "no measure distinguishes it from its input" in text


def test_data_and_licence_are_named_and_procedural_scenes_are_no_evidence(trial):
    ours, nothing = scores(psnr_tm=[11.0, 12, 13, 14]), scores(psnr_tm=[1.0, 2, 3, 4])
    text = card(trial(0, 1, 1), ours=ours, nothing=nothing)
    assert "The data set is ward (licence: CC BY 4.0): 30 pictures for training, 4 for validation." in text
    assert "the camera's own 8-bit pictures" in text
    assert "find out before you ship" not in text
    unknown = Origin(name="/photos", licence=None, procedural=False, counts={"train": 1, "val": 1}, hash="0")
    text = card(trial(0, 1, 1), origin=unknown, ours=ours, nothing=nothing)
    assert "licence: not recorded" in text
    assert "find out before you ship" in text
    made = Origin(name="procedural scenes", licence=None, procedural=True, counts={}, hash="0")
    assert "Not meant for use: it was trained and judged on procedural scenes" in card(trial(0, 1, 1), origin=made)


def test_no_raw_mapping_stands_in_a_card(trial):
    text = card(trial(0, 1, 1), ours=scores(psnr_tm=[1.0, 2, 3, 4]), nothing=scores(psnr_tm=[1.0, 2, 3, 4]))
    assert "{" not in text
    assert "mulaw" not in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ca w0.35 decoder_width=0.5 int8+dynamic@decoder.conv2", None),
        ("a|b", r"a\|b"),
        ("[x](http://evil)", r"\[x\](http&#58;//evil)"),
        ("<script>", "&lt;script&gt;"),
        ("![i](j) `c` *b* _u_ ~~s~~ $m$ # h", r"\!\[i\](j) \`c\` \*b\* \_u\_ \~\~s\~\~ \$m\$ \# h"),
        ("line\nbreak\x1b[31m", r"line break\\x1b\[31m"),
        ("me@host www.evil.org", "me&#64;host www&#46;evil.org"),
    ],
)
def test_text_from_elsewhere_means_nothing_in_markdown(text, shown):
    assert escape(text) == (text.replace("@", "&#64;") if shown is None else shown)
