"""Values of options are read by the types of their settings; nothing is guessed."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from crossbeat.cli.options import command, parse
from crossbeat.data.pairing import Pairing
from crossbeat.data.registry import COHORTS
from crossbeat.errors import ConfigError
from crossbeat.quality import Length
from crossbeat.readers import Layout
from crossbeat.recipes import RECIPES
from crossbeat.training import TrainerSettings

RECIPE: Any = RECIPES["cromotex"]


@cache
def parser() -> Any:
    made = command("try", "Try options.")
    made.add_argument("paths", type=Path, nargs="*")
    made.add_argument("--json", action="store_true")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--name", type=str, default="")
    made.add_argument("--out", type=Path | None, default=None)
    made.add_argument("--image_size", type=int, default=32)
    made.add_argument("--seconds", type=float, default=10.0)
    made.add_argument("--layout", type=Layout | None, default=None)
    made.add_argument("--pairing", type=Pairing, default=Pairing())
    made.add_class_arguments(Length, "length", as_group=True)
    made.add_argument("--trainer", type=TrainerSettings, default=TrainerSettings())
    made.add_argument("--recipe", type=type(RECIPE), default=RECIPE)
    return made


def read(*words: object) -> Any:
    return parse(parser(), [str(word) for word in words])


def refusal(*words: object) -> str:
    with pytest.raises(ConfigError) as told:
        read(*words)
    assert "\n" not in str(told.value)
    return str(told.value)


@pytest.mark.parametrize(
    "text", ["1:30", "010", "0x10", "1_000", "1.0", "1e3", "", " 1", "١", "on"]
)
def test_only_digits_are_a_whole_number(text):
    told = refusal("--seed", text)
    assert told.startswith("--seed must be a whole number")
    assert told.endswith(f", got {text!r}; crossbeat try --help lists the options")


@pytest.mark.parametrize(
    "text", ["1:30", "1:30:00", "1:30.5", "010", "1_0", ".", "e5", "nan", ".inf", "1,5", "0,1", ""]
)
def test_only_a_decimal_number_is_a_number(text):
    assert refusal("--recipe.temperature", text).startswith("--recipe.temperature must be a number")
    assert "null" in refusal("--recipe.alignment_positives", text)


def test_a_number_with_leading_zeros_is_two_numbers_to_some():
    assert refusal("--seed=010").startswith("--seed must be a whole number without leading zeros,")
    assert " must be a number without leading zeros, got" in refusal("--recipe.penalty", "00.5")


@pytest.mark.parametrize(
    ("text", "value"),
    [("5", 5.0), ("-0.5", -0.5), ("1e-4", 1e-4), ("-1e-4", -1e-4), (".5", 0.5), ("5.", 5.0)],
)
def test_a_number_is_the_number_that_it_looks_like(text, value):
    assert read("--recipe.penalty", text).recipe.penalty == value
    assert read(f"--recipe.penalty={text}").recipe.penalty == value


@pytest.mark.parametrize(
    ("text", "hours"),
    [("24", 24), ("90min", 1.5), ("1.5h", 1.5), ("30s", 1 / 120), ("2 d", 48), ("0.5", 0.5)],
)
def test_a_window_is_in_hours_or_a_duration(text, hours):
    given = ("--pairing.rule", "nearest", "--pairing.window", text)
    assert read(*given).pairing.window == pytest.approx(hours, rel=1e-12)
    assert (read("--seconds", "10").seconds, read("--seconds", "0.5min").seconds) == (10, 30)


@pytest.mark.parametrize("text", ["1:30", "1 hour", "h", "1h30min", "90 m", "010min"])
def test_another_way_to_write_a_duration_is_refused(text):
    told = refusal("--pairing.rule", "nearest", "--pairing.window", text)
    assert " of hours or a duration such as 30s, 90min or 1.5h or null, got " in told
    assert "a number of seconds or a duration" in refusal("--seconds", "1:30")


@pytest.mark.parametrize("text", ["a,b", "a, b", "[a, b]", '["a", "b"]', "[a,b]"])
def test_names_are_given_with_commas_or_as_a_list(text):
    assert read("--recipe.findings", text).recipe.findings == ("a", "b")


@pytest.mark.parametrize("text", ["cardiomegaly", "no", "010", "1:30", "null"])
def test_a_name_is_a_name_whatever_it_looks_like(text):
    assert read("--recipe.findings", text).recipe.findings == (text,)
    assert read("--recipe.findings", f"['{text}', b]").recipe.findings == (text, "b")
    assert read("--name", text).name == text


def test_leads_and_numbers_are_lists_too():
    layout = read("--layout.fs", 500, "--layout.unit", "mV", "--layout.leads", "I,II").layout
    assert layout == Layout(fs=500.0, unit="mV", leads=("I", "II"))
    assert read("--layout", "{fs: 500, unit: mV, leads: [I, II]}").layout == layout
    assert read("--recipe.ecg.hidden", "16,8").recipe.ecg.hidden == (16, 8)
    assert "--recipe.ecg.hidden must be a list such as 1,2" in refusal("--recipe.ecg.hidden", "1:3")


@pytest.mark.parametrize("mark", ["-", "_"])
def test_dashes_and_underscores_are_the_same(mark):
    assert read(f"--image{mark}size", 64).image_size == 64
    assert read(f"--image{mark}size=64").image_size == 64
    tuning, own = f"--recipe.fine{mark}tuning.batch{mark}size", f"--recipe.self{mark}supervision"
    recipe = read(tuning, 7, f"{own}.batch{mark}size", 9).recipe
    assert (recipe.fine_tuning.batch_size, recipe.self_supervision.batch_size) == (7, 9)
    assert read(own, "null").recipe.self_supervision is None


def test_words_may_be_between_options():
    given = read("a", "--json", "b", "--seed", -1, "c")
    assert (given.paths, given.json, given.seed) == ([Path("a"), Path("b"), Path("c")], True, -1)
    assert read("--", "--seed").paths == [Path("--seed")]


def test_a_setting_alone_is_true_and_with_no_before_it_false():
    assert read("--trainer.progress", "--seed", 1).trainer.progress is True
    assert read("--no-trainer.progress").trainer.progress is False
    assert read("--trainer.progress", "a.hea").paths == [Path("a.hea")]
    assert read("--trainer.progress", "False").trainer.progress is False


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--seed"], "--seed must have a value, got none; crossbeat try --help"),
        (["--seed", "--json"], "--seed must have a value, got none; crossbeat try --help"),
        (["--json=1"], "--json must have no value, got '1'; leave it out"),
        (["--out", ""], "--out must be a path or null, got ''; crossbeat try"),
        (["-x"], "crossbeat try has no option '-x'; crossbeat try --help lists the options"),
        (["-seed", "1"], "crossbeat try has no option '-seed'; did you mean '--seed'?"),
        (["--paths", "a"], "crossbeat try has no option 'paths'"),
        (["--recipe.findings.x", "1"], "crossbeat try --recipe.findings has no setting 'x'"),
        (["--layout", "{fs: 1"], "--layout must be YAML, got something else in line 1, got '{fs"),
        (["--layout.fs", "500"], "crossbeat try must have --layout.unit, got none; "),
        (["--trainer.progress=maybe"], "--trainer.progress must be true or false, got 'maybe'"),
        (["--trainer.accelerator", "gpus"], "got 'gpus'; did you mean 'gpu'?"),
    ],
)
def test_what_is_wrong_with_an_option_is_one_sentence(words, message):
    assert message in refusal(*words)


def test_a_file_is_read_as_the_command_line_is(tmp_path):
    path = tmp_path / "options.yaml"
    path.write_text(
        "json: true\nseed: 3\nseconds: 0.5min\nname: 010\nout:\n"
        "layout: {fs: 500, unit: mV, leads: [I, II]}\npairing: {rule: nearest, window: 90min}\n"
        "recipe:\n  findings: edema, no\n  self_supervision: {epochs: 3}\n  label_views: null\n"
    )
    given = read("--config", path)
    assert (given.json, given.seed, given.seconds, given.name) == (True, 3, 30, "010")
    assert (given.out, given.layout.leads, given.pairing.window) == (None, ("I", "II"), 1.5)
    assert given.recipe.findings == ("edema", "no")
    assert given.recipe.self_supervision.epochs == 3
    assert given.recipe.self_supervision.batch_size == RECIPE.self_supervision.batch_size
    assert given.recipe.label_views is None
    assert read("--config", path, "--seed", 4).seed == 4
    assert read("--seed", 4, "--config", path).seed == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"seed: 1:30", "--seed must be a whole number, got '1:30' in {}; crossbeat try --help"),
        (b"pairing: {window: 1:30}", "got '1:30' in {}"),
        (b"recipe: {temperature: 010}", "a number without leading zeros, got '010' in {}"),
        (b"seed: [1]", "--seed must be a whole number, got ['1'] in {}"),
        (b"seed:", "--seed must be a whole number, got 'null' in {}"),
        (b"config: x", "--config must be on the command line, got it in {}; move it"),
        (b"a: !!python/object:os.system {}", "{} must be YAML, got something else in line 1"),
        (b"\xff\xfe\x00", "{} must be text in UTF-8, got other bytes; save it so"),
        (b"[" * 1000, "{} must be YAML that is not so deep"),
        (b"? [a]\n: 1", "{} must have names, got ['a'] as one"),
    ],
)
def test_what_is_wrong_in_a_file_is_one_sentence(text, message, tmp_path):
    path = tmp_path / "options.yaml"
    path.write_bytes(text)
    assert message.replace("{}", str(path), 1) in refusal("--config", path)


def test_a_file_may_name_what_the_command_line_names_by_place(tmp_path):
    made = command("try", "Try options.")
    made.add_argument("paths", type=Path, nargs="+")
    made.add_argument("place", type=Path)
    path = tmp_path / "options.yaml"
    path.write_text("paths: [a, b]\nplace: c")
    given = parse(made, ["--config", str(path)])
    assert (given.paths, given.place) == ([Path("a"), Path("b")], Path("c"))


def test_a_group_of_settings_may_be_a_file(tmp_path):
    path = tmp_path / "layout.yaml"
    path.write_text("fs: 500\nunit: mV\nleads: I, II\n")
    assert read("--layout", path).layout == Layout(fs=500.0, unit="mV", leads=("I", "II"))
    path.write_text("fs: 1:30\n")
    assert f"got '1:30' in {path}" in refusal("--layout", path)
    assert "must be settings such as {name: value}" in refusal("--layout", tmp_path / "no.yaml")
    assert "must be settings such as {name: value}" in refusal("--trainer", "null")


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    told = f"--config must be a file that you may read, got {tmp_path}: Is a directory; check it"
    assert refusal("--config", tmp_path) == told


@pytest.mark.parametrize("name", COHORTS)
def test_every_setting_of_a_data_set_has_a_type_that_options_can_read(name):
    made = command(name, "")
    made.add_class_arguments(COHORTS[name])
    with pytest.raises(ConfigError, match="has no option 'none'"):
        parse(made, ["--none", "1"])
