from __future__ import annotations

import pytest

from mqn.errors import ConfigError, UnknownNameError
from mqn.home import data_folder
from mqn.report.pages.dashboard import load_dashboard


def test_shipped_dashboards_are_right():
    for path in data_folder("dashboards").glob("*.toml"):
        assert load_dashboard(path.stem).panels


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[panels]]\nkind = "frnt"', r"panels\[0\].kind = 'frnt'; did you mean 'front'"),
        (
            '[[panels]]\nkind = "front"\ncolour = "arch.width"',
            r"unknown key 'panels\[0\].colour'; did you mean 'color'",
        ),
        ('[[panels]]\nkind = "front"\ncolor = "arch.widht"', r"color = 'arch.widht'; did you mean 'arch.width'"),
        ('[[panels]]\nkind = "scatter"\nx = "latency"\ny = "psnr_tm"', r"x = 'latency'; did you mean 'latency_ms'"),
        ('[[panels]]\nkind = "scatter"\nx = "latency_ms"', "needs x and y"),
        ('[[panels]]\nkind = "curves"\ny = "psnr"', r"y = 'psnr'; .*val_psnr_tm"),
        ('[[panels]]\nkind = "table"\nheight = 1', "height 1 must be"),
        ('title = "nothing"', "has no panels"),
    ],
)
def test_a_wrong_dashboard_names_the_place_and_the_nearest(tmp_path, text, message):
    path = tmp_path / "dashboard.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_dashboard(str(path))
    assert str(path) in str(caught.value)


def test_no_such_dashboard():
    with pytest.raises(UnknownNameError, match="no dashboard 'defalt'; did you mean 'default'"):
        load_dashboard("defalt")
