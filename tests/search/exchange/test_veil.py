"""What tells of a machine is taken out, and what figures rest on stays."""

from __future__ import annotations

import pytest

from mqn.search.exchange.veil import Veil


def test_paths_become_names_and_the_same_path_the_same_name():
    veil = Veil()
    found = veil.plain({"weights": "/home/alice/vgg.h5", "also": ["/home/alice/vgg.h5", "/tmp/vgg.h5"], "codec": "log"})
    assert found == {"weights": "vgg.h5", "also": ["vgg.h5", "vgg-2.h5"], "codec": "log"}


@pytest.mark.parametrize("data", ["/home/alice/photos", "/home/alice/photos/", "s3://lab-bucket/alice/photos"])
def test_a_place_of_data_becomes_its_name(data):
    assert Veil().place(data) == "photos"


def test_hosts_are_counted_and_device_ids_stay():
    veil = Veil()
    record = {
        "spans": {
            "train": {"host": "alices-laptop", "device": ""},
            "measure/board": {"host": "lab7", "device": "board"},
        },
        "attempts": [{"error": ["NodeLostError", "lab7 left the cluster; board is lab7-1a2b3c4d"]}],
    }
    veil.note_hosts(record)
    found = veil.plain(record)
    assert [span["host"] for span in found["spans"].values()] == ["machine-1", "machine-2"]
    assert found["attempts"][0]["error"][1] == "machine-2 left the cluster; board is lab7-1a2b3c4d"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("cannot read /home/alice/x y.png: no", "cannot read x y.png: no"),
        ("cannot read '/home/alice/photos/a.png'", "cannot read 'a.png'"),
        ("ssh: alice@lab7:22 refused", "ssh: *** refused"),
        ("https://10.77.0.2:8765/jobs does not answer", "https://*** does not answer"),
        ("no route to 10.77.0.2:8765", "no route to ***"),
        ("psnr_tm 21.4 dB/ms, measure/board and 3 / 4", "psnr_tm 21.4 dB/ms, measure/board and 3 / 4"),
        ("~alice/space.toml: unknown key", "space.toml: unknown key"),
    ],
)
def test_messages_lose_paths_accounts_and_addresses(said, told):
    assert Veil().plain({"error": said}) == {"error": told}


def test_a_url_elsewhere_keeps_its_address_and_loses_its_password():
    assert Veil().plain({"checkpoint": "https://me:hunter2@site/x.pt"}) == {"checkpoint": "https://me:***@site/x.pt"}
