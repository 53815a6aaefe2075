"""Every command answers, and what is wrong with one is told in a sentence, with an exit code."""

import json
import subprocess
import sys

import pytest

from crossbeat import __version__
from crossbeat.cli import COMMANDS, main
from crossbeat.cli.tables import print_table
from crossbeat.errors import DataError
from crossbeat.recipes import RECIPES


@pytest.mark.parametrize("option", ["--help", "-h", "help"])
def test_help_names_every_command_and_the_exit_codes(option, called):
    code, out, _ = called(option)
    assert code == 0
    assert all(f"\n  {name} " in out for name in COMMANDS)
    assert "Exit codes: 0" in out


def test_without_a_command_help_is_shown_and_the_command_was_wrong(called):
    code, out, _ = called()
    assert (code, out.startswith("usage: crossbeat")) == (2, True)
    assert called("--version")[:2] == (0, f"{__version__}\n")


@pytest.mark.parametrize("name", [*COMMANDS, "prepare virtual", "prepare files"])
def test_every_command_has_help_of_its_own(name, called):
    code, out, _ = called(*name.split(), "--help")
    assert code == 0
    assert f"usage: crossbeat {name.split()[0]}" in out
    assert "`" not in out  # the marks of code that docstrings have
    if name == "prepare":
        assert "files           Files listed in a table, one row for each ECG, X-ray or pa" in out
    if name == "prepare files":
        assert "--no-checksum" in out.replace("\n", "").replace(" ", "")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "--import must have a Python file and a command behind it"),
        (("gone.py", "recipes"), "--import must name a Python file (.py), got gone.py"),
        (("list.csv", "recipes"), "--import must name a Python file (.py), got list.csv"),
        (("wfdb.py", "recipes"), "wfdb.py must not have the name of another module; rename"),
        (("json.py", "recipes"), "json.py must not have the name of another module; rename"),
    ],
)
def test_what_is_imported_must_be_a_python_file(words, told, called, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("list.csv", "wfdb.py", "json.py"):
        (tmp_path / name).write_text("patient = 1\n")
    code, _, err = called("--import", *words)
    assert code == 2
    assert told in err


def test_a_file_of_ones_own_runs_before_a_command(called, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_code.py").write_text("print('mine')\n")
    code, out, _ = called("--import", "own_code.py", "recipes")
    assert (code, out.startswith("mine\n")) == (0, True)
    (tmp_path / "own_code.py").write_text("1 / 0\n")
    code, _, err = called("--import", "own_code.py", "recipes")
    assert (code, "own_code.py must run without an error, got division by zero" in err) == (2, True)


def test_help_does_not_load_torch():
    code = (
        "import sys; from crossbeat.cli import main; main(['--help']); "
        "sys.exit(sum(name in sys.modules for name in ('torch', 'lightning', 'scipy', 'polars')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_python_m_and_the_shell_see_the_exit_code():
    words = [sys.executable, "-m", "crossbeat.cli", "tran"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    told = "error: crossbeat has no command 'tran'; did you mean 'train'?"
    assert done.stderr.startswith(told)
    assert "Traceback" not in done.stderr


def test_recipes_lists_them_all_and_show_tells_the_settings(called):
    code, out, _ = called("recipes")
    assert code == 0
    assert all(name in out for name in RECIPES)
    assert list(json.loads(called("recipes", "--json")[1])) == list(RECIPES)
    code, out, _ = called("show", "cromotex")
    assert code == 0
    for text in ("temperature", "ecg.encoder", "self_supervision.learning_rate"):
        assert text in out
    published = json.loads(called("show", "cromotex", "--json")[1])
    assert published["temperature"] == RECIPES["cromotex"].temperature
    demo = json.loads(called("show", "cromotex", "--preset", "demo", "--json")[1])
    assert demo["ecg"]["encoder"] == "cromotex-small"


TRAIN = "train cromotex --cohort no-cohort --out no-run"
SIMULATE = "simulate --out x"
STUDY = "study study.py"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("tran", 2, "crossbeat has no command 'tran'; did you mean 'train'?"),
        ("recipes -- --debug", 2, "must have no further words, got '--debug'"),
        ("train", 2, "must start with a recipe, such as 'crossbeat train cromotex "),
        ("train cromotex", 2, "crossbeat train must have --cohort and --out, got none; crossbeat"),
        (f"{TRAIN} --preset dem", 2, "preset must be one of published, demo, got 'dem'"),
        (
            f"{TRAIN} --recipe.temprature 0.05",
            2,
            "error: Cromotex has no setting 'temprature'; did you mean 'temperature'?\n",
        ),
        (f"{TRAIN} --recipe.temper=1", 2, "Cromotex has no setting 'temper'; did you mean 'tem"),
        (f"{TRAIN} --recipe.ecg.encodr biot", 2, "Cromotex.ecg has no setting 'encodr'; did you"),
        (
            f"{TRAIN} --recipe.self_supervision.epoch 3",
            2,
            "Cromotex.self_supervision has no setting 'epoch'; did you mean 'epochs'?",
        ),
        (f"{TRAIN} --trainer.device 2", 2, "TrainerSettings has no setting 'device'; did you"),
        (f"{TRAIN} --recipe.findings edema,", 2, "must be a list such as a,b, got 'edema,'"),
        (f"{TRAIN} --recipe.ecg.encoder bio", 2, "encoder must be one of cromotex, cromotex-"),
        (f"{TRAIN} --recipe.teacher.epochs -1", 2, "error: epochs must be 1 or more, got -1; r"),
        (f"{TRAIN} --recipe.self_supervision.epochs 0", 2, "error: epochs must be 1 or more, got"),
        (f"{TRAIN} --config no.yaml", 2, "--config must be a file, got none at no.yaml; check"),
        ("predict", 2, "crossbeat predict must have RUN and FILES, got none; crossbeat predict"),
        ("predict no-run x.hea", 1, "no-run must be a finished run or a saved model, got no"),
        (f"{SIMULATE} --layout mimc", 2, "one of cohort, mimic, got 'mimc'; did you mean 'mimic'?"),
        (f"{SIMULATE} --layout", 2, "--layout must be one of cohort, mimic, got ''"),
        (f"{SIMULATE} --layout=mimic --paired 0.5", 2, "crossbeat simulate has no option 'paired'"),
        (f"{SIMULATE} --film_size 16", 2, "crossbeat simulate has no option 'film_size'"),
        (
            f"{SIMULATE} --layout mimic --faults.missing_egc 1",
            2,
            "Faults has no setting 'missing_egc'; did you mean 'missing_ecg'?",
        ),
        (f"{SIMULATE} --layout mimic --faults.flat_lead 2", 2, "Faults.flat_lead must be 0 to 1, "),
        (f"{SIMULATE} --layout mimic --num_patients 0", 2, "VirtualMimic.num_patients must be"),
        *(
            (f"prepare virtual --out {place}", 2, f"must be a new folder, got {place}; give its na")
            for place in (".", "/", "sub/..")
        ),
        ("cohort show none --examples -1", 2, "--examples must be 0 or more, got -1"),
        ("cohort show none --seed -1", 2, "--seed must be 0 or more, got -1"),
        ("cohort verify none", 1, "none must be a folder with cohort.json"),
        ("check a.hea --seconds 0", 2, "--seconds must be above 0, got 0"),
        ("check a.hea --seconds .inf", 2, "--seconds must be a number of seconds or a dura"),
        ("check a.hea --workers 0", 2, "--workers must be 1 or more, got 0"),
        ("check a.hea --length.longer all", 2, "must be one of first, middle, last"),
        ("check a.hea --layout.unit volts", 2, "fs"),
        ("bench pairing --seed -1", 2, "--seed must be 0 or more, got -1"),
        ("demo --recipe ptalc", 2, "one of crossbeat, ptacl, got 'ptalc'; did you mean 'ptacl'?"),
        ("demo --workers 0", 2, "--workers must be 1 or more, got 0; raise it"),
        ("study none --workers 0", 2, "--workers must be 1 or more, got 0; raise it"),
        ("study none --trainer.speed 2", 2, "TrainerSettings has no setting 'speed'"),
    ],
)
def test_what_is_wrong_is_told_in_a_sentence(words, code, message, called, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    got, out, err = called(*words.split())
    assert (got, out) == (code, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "text", "message"),
    [
        (
            TRAIN,
            "recipe: {temprature: 1}",
            "error: Cromotex has no setting 'temprature' in FILE; did you mean 'temperature'?\n",
        ),
        (TRAIN, "recipe: {ecg: {encodr: biot}}", "Cromotex.ecg has no setting 'encodr' in FILE; "),
        (TRAIN, "recipe: {self_supervision: {epoch: 1}}", "Cromotex.self_supervision has no set"),
        (TRAIN, "recipe: {trainer: {devices: 1}}", "Cromotex has no setting 'trainer'"),
        (TRAIN, "recipie: {temperature: 1}", "has no option 'recipie' in FILE; did you mean 'rec"),
        (TRAIN, "sed: 1", "crossbeat train has no option 'sed' in FILE; did you mean 'seed'?"),
        (TRAIN, "recipe: {temperature: hot}", "temperature must be a number, got 'hot' in FILE;"),
        (TRAIN, "seed: 1\nseed: 2", "FILE must have each name once, got 'seed' twice; correct the"),
        (TRAIN, "recipe: {teacher: 5}", "must be settings such as {name: value}, got '5'"),
        (TRAIN, "", "FILE must list options such as 'seed: 1', got nothing; correct the file"),
        (TRAIN, "cromotex", "FILE must list options such as 'seed: 1', got something else; correc"),
        (SIMULATE, "layout: mimic\n", "write crossbeat simulate --layout mimic"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_as_on_the_command_line(
    words, text, message, called, tmp_path
):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    code, _, err = called(*words.split(), "--config", path)
    assert (code, err.count("\n")) == (2, 1)
    assert message in err.replace(str(path), "FILE")


def test_an_error_before_any_progress_is_one_line(called, tmp_path):
    (tmp_path / "list.csv").write_text("ecg,patient\na.hea,1\n")
    table = ("--table", tmp_path / "list.csv", "--out", tmp_path / "mine")
    code, _, err = called("prepare", "files", *table)
    assert (code, err[:7], err.count("\n")) == (1, "error: ", 1)


@pytest.fixture
def raising(monkeypatch, tmp_path):
    """Make the command ``recipes`` raise an error; files of traces go to the folder ``traces``."""
    traces = tmp_path / "traces"
    traces.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(traces))

    def make(error):
        def run(arguments):
            raise error

        monkeypatch.setattr("crossbeat.cli.recipes.run", run)
        return traces

    return make


def test_an_unexpected_error_is_one_line_that_names_the_file_of_its_trace(raising, called):
    traces = raising(ZeroDivisionError("division by\nzero"))
    code, out, err = called("recipes")
    (trace,) = traces.iterdir()
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err == (
        "error: crossbeat recipes must not fail like this, got an unexpected error; "
        f"report it with {trace}\n"
    )
    assert "ZeroDivisionError: division by" in trace.read_text()
    assert f"crossbeat {__version__}" in trace.read_text()
    assert trace.stat().st_mode & 0o077 == 0
    trace.unlink()
    traces.rmdir()
    code, _, err = called("recipes")
    assert (code, err.count("\n")) == (1, 1)
    assert "got an unexpected error; report it with what the option --debug shows" in err


@pytest.mark.parametrize("words", [["--debug", "recipes"], ["recipes", "--json", "--debug"]])
def test_debug_shows_the_trace_in_the_place_of_a_file(words, raising, capsys):
    traces = raising(ZeroDivisionError("division by zero"))
    assert main(words) == 1
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert err.endswith("got an unexpected error; report it with the lines above\n")
    assert not list(traces.iterdir())


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "error: memory must have room for what crossbeat recipes holds in it, "),
        (
            OSError(5, "Input/output error", "a/file"),
            "error: a/file must be a place that can be read and written, got: Input/output error; ",
        ),
        (OSError(28, "No space left on device"), "error: the disk must have room for all files, "),
        (DataError("a\n\x1b[1mb must be"), "error: a ?[1mb must be\n"),
        (BrokenPipeError(), ""),
    ],
)
def test_errors_of_the_machine_are_sentences_without_a_trace(error, message, raising, called):
    traces = raising(error)
    code, _, err = called("recipes")
    assert (code, err.count("\n")) == (1, 1 if message else 0)
    assert err.startswith(message)
    assert not list(traces.iterdir())


def test_the_title_of_a_table_is_one_line_and_no_title_is_none(capsys):
    title = "how well a very small table is told of in a title that is wider than it"
    print_table(title, ["a"], [["b"]])
    assert capsys.readouterr().out.splitlines()[:2] == [title, "┏━━━┓"]
    print_table("", ["a"], [["b"]])
    assert capsys.readouterr().out.startswith("┏━━━┓")
