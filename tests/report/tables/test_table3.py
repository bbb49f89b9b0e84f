"""Table 3: our figures, the paper's in brackets, ratios against the first row."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from mqn.errors import UsageError
from mqn.parsing import from_mapping, to_plain
from mqn.records import Interval, NetworkCost, Range
from mqn.report.figures.cost_picture import write_cost_png
from mqn.report.tables.table3 import as_csv, cells, columns, markdown, note, papers_test_set

MQN = NetworkCost(
    name="mqn",
    family="mqn",
    plan="int8+dynamic",
    parameters=901_000,
    macs=553_000_000,
    size_bytes=1_300_000,
    latency_ms=8.0,
    latency_range=Range(low=7.9, high=8.1),
    peak_memory_mb=20.0,
    verdict="ok",
    outside=0,
)
PEER = NetworkCost(
    name="expandnet",
    family="expandnet",
    plan="float32+float32",
    parameters=456_899,
    macs=13_620_000_000,
    size_bytes=1_840_000,
    latency_ms=800.0,
    peak_memory_mb=300.0,
    verdict="ok",
    outside=2,
)
TRAINED = NetworkCost(
    name="bundle", plan="as exported", trained=True, accuracy={"psnr_tm": Interval(mean=21.5, low=20, high=23, n=4)}
)
REFUSED = NetworkCost(name="hdrcnn", family="hdrcnn", why="not measured: memory")


def test_ratios_stand_beside_those_of_the_paper():
    (heads, mine, theirs) = (columns([MQN, PEER]), *cells([MQN, PEER]))
    assert heads[5:9] == ["latency ms", "latency / mqn", "peak MB", "memory / mqn"]
    assert mine[2:9] == ["0.901 [0.928]", "0.553 [0.5]", "1.3", "8 (7.9 to 8.1) [21]", "1 [1]", "20 [9.45]", "1 [1]"]
    assert theirs[5:9] == ["800 [474]", "100 [22.6]", "300 [263]", "15 [27.8]"]
    assert theirs[-2:] == ["not trained", "2 operators outside the delegate"]


def test_a_row_comes_back_from_json():
    for row in (MQN, TRAINED, REFUSED):
        assert from_mapping(NetworkCost, to_plain(row), source="a row") == row


def test_a_network_of_other_pictures_is_told():
    rows = [replace(MQN, side=256), replace(PEER, side=128)]
    assert cells(rows)[1][-1] == "takes pictures of 128 x 128 pixels, not 256; 2 operators outside the delegate"
    assert cells([rows[0], rows[0]])[1][-1] == ""


def test_large_figures_are_whole_numbers():
    slow = replace(PEER, latency_ms=1336.0, latency_range=Range(low=1120.4, high=1580.0), family="twostage")
    assert cells([MQN, slow])[1][5] == "1,336 (1,120 to 1,580) [3,338]"


def test_what_is_not_known_is_a_dash_and_the_remark_says_why():
    row = cells([MQN, REFUSED])[1]
    assert row[0] == "hdrcnn"
    assert row[2:5] == ["- [29.4]", "- [30.4]", "-"]
    assert row[-1] == "not measured: memory"


def test_accuracy_has_a_column_where_something_is_scored():
    rows = [MQN, TRAINED]
    place = columns(rows).index("PSNR-TM")
    assert [row[place] for row in cells(rows)] == ["not trained", "21.5 (20 to 23)"]


def test_the_papers_accuracy_stands_beside_the_same_measure_on_the_same_pictures():
    judged_on = papers_test_set("hdr-eye-singlehdr", "camera", whole=True)
    scored = {name: Interval(mean=48.0, low=47, high=49, n=46) for name in ("hdrvdp_q_p3", "hdrvdp_q")}
    rows = [MQN, replace(PEER, trained=True, accuracy=scored)]
    place = columns(rows).index("HDR-VDP-2.2 Q p3")
    mine, theirs = cells(rows, judged_on)
    assert (judged_on, mine[place]) == ("HDR-Eye", "not trained [51.59 ± 4.61]")
    assert theirs[place : place + 2] == ["48 (47 to 49) [50.52 ± 3.94]", "48 (47 to 49)"]
    assert cells(rows)[1][place] == "48 (47 to 49)"
    assert "The paper's HDRVDP-Q on HDR-Eye is given with its standard deviation." in note(rows, judged_on)
    assert "HDR-Eye" not in note(rows, "")
    (_, csv_row) = csv.DictReader(io.StringIO(as_csv(rows, judged_on)))
    assert (csv_row["paper.hdrvdp_q"], csv_row["hdrvdp_q.low"]) == ("50.52", "47")


@pytest.mark.parametrize(
    ("published", "inputs", "whole"),
    [("", "camera", True), ("hdr-real", "operators", True), ("hdr-real", "camera", False), ("ward", "operators", True)],
)
def test_other_pictures_have_no_figures_of_the_paper(published, inputs, whole):
    assert papers_test_set(published, inputs, whole=whole) == ""


def test_paths_in_names_are_shortened():
    rows = [replace(PEER, name="expandnet:/a/expandnet.pth"), replace(TRAINED, name="/b/bundle")]
    assert columns(rows)[6] == "latency / expandnet:expandnet.pth"
    assert [row[0] for row in cells(rows)] == ["ExpandNet (expandnet:expandnet.pth)", "bundle"]


def test_the_files_say_the_same():
    text = markdown([MQN, PEER], "64 x 64 pixels; board")
    assert text.startswith("64 x 64 pixels; board\n\n| network |")
    assert "| expandnet | float32+float32 |" in text
    mine, theirs, trained = csv.DictReader(io.StringIO(as_csv([MQN, PEER, TRAINED])))
    assert (mine["latency_ms"], mine["latency_ms.low"], mine["paper.mobile_ms"]) == ("8.0", "7.9", "21")
    assert (theirs["macs"], theirs["latency_ms.low"]) == ("13620000000", "")
    assert (trained["psnr_tm"], trained["paper.gmacs"]) == ("21.5", "")


def test_a_picture_needs_a_measurement(tmp_path):
    write_cost_png([MQN, PEER, REFUSED], tmp_path / "a.png", "board")
    write_cost_png([MQN, TRAINED], tmp_path / "b.png", "board")
    assert all((tmp_path / name).read_bytes().startswith(b"\x89PNG") for name in ("a.png", "b.png"))
    with pytest.raises(UsageError, match="no network was measured"):
        write_cost_png([REFUSED], tmp_path / "c.png", "board")
