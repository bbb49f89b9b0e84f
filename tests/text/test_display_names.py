from pathlib import Path

import pytest

from mqn.text.display_names import tell_apart


@pytest.mark.parametrize(
    ("models", "names"),
    [
        ([["a/model.tflite"], ["b/model.tflite"]], ("a/model.tflite", "b/model.tflite")),
        ([["x/a/m.tflite"], ["y/a/m.tflite"]], ("x/a/m.tflite", "y/a/m.tflite")),
        ([["x/one.tflite"], ["x/two.tflite"]], ("one.tflite", "two.tflite")),
        ([["x/one.tflite"]], ("one.tflite",)),
        ([["x/m.tflite"], ["./x/m.tflite"]], ("m.tflite", "m.tflite")),
        ([["a/b.tfl", "a/h.tfl"], ["c/b.tfl", "a/h.tfl"]], ("a/b.tfl + a/h.tfl", "c/b.tfl + a/h.tfl")),
        ([["bundle"], ["other"]], ("bundle", "other")),
        ([["m.tflite"], ["../b/m.tflite"]], ("here/m.tflite", "b/m.tflite")),
    ],
)  # fmt: skip
def test_models_are_called_by_what_tells_them_apart(
    models: list[list[str]], names: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert tell_apart([[Path(path) for path in files] for files in models]) == names
