"""Studies are found by the name of their file; whatever is wrong with it is told."""

from pathlib import Path

import pytest

from crossbeat.errors import ConfigError
from crossbeat.study.load import study_named

HERE = Path(__file__).parent
SOUND = (HERE / "tiny_study.py").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studies").mkdir()
    return tmp_path / "studies"


def test_a_name_is_looked_up_below_the_current_directory(folder):
    (folder / "transfer.py").write_text(SOUND)
    assert len(study_named("transfer", small=False).cells) == 4
    assert len(study_named("transfer", small=True).cells) == 2


def test_a_path_is_read_wherever_it_is():
    assert study_named(str(HERE / "tiny_study.py"), small=True).method == "distillation"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tranfer", r"one of labels, transfer in .*, got 'tranfer'; did you mean 'transfer'"),
        ("none.py", r"or the path of a .py file, got 'none.py'"),
    ],
)
def test_a_wrong_name_lists_those_that_there_are(folder, name, message):
    for known in ("transfer", "labels"):
        (folder / f"{known}.py").write_text(SOUND)
    (folder / "shared.py").write_text("SIZE = 3\n")
    with pytest.raises(ConfigError, match=message):
        study_named(name, small=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"must define study\(\*, small\), got no such function"),
        ("def study(*, small): return 3", "must return a Study or a Search, got int"),
    ],
)
def test_a_file_without_a_study_is_refused(folder, text, message):
    (folder / "empty.py").write_text(text)
    with pytest.raises(ConfigError, match=message):
        study_named("empty", small=False)
