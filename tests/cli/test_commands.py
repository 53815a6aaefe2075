"""Every command answers, and what is wrong with one is told in a sentence, with an exit code."""

import json
import subprocess
import sys

import pytest

from crossbeat import __version__
from crossbeat.cli import COMMANDS, main
from crossbeat.data.cohort import Cohort
from crossbeat.errors import DataError
from crossbeat.recipes import RECIPES


def called(capsys, *arguments):
    """Exit code, standard output and error stream."""
    capsys.readouterr()
    code = main([str(argument) for argument in arguments])
    output = capsys.readouterr()
    assert "Traceback" not in output.err
    return code, output.out, output.err


@pytest.mark.parametrize("option", ["--help", "-h", "help"])
def test_help_names_every_command_and_the_exit_codes(option, capsys):
    code, out, _ = called(capsys, option)
    assert code == 0
    assert all(f"\n  {name} " in out for name in COMMANDS)
    assert "Exit codes: 0" in out


def test_without_a_command_help_is_shown_and_the_command_was_wrong(capsys):
    code, out, _ = called(capsys)
    assert code == 2
    assert out.startswith("usage: crossbeat")


def test_the_version_is_told(capsys):
    assert called(capsys, "--version")[:2] == (0, f"{__version__}\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_of_its_own(name, capsys):
    given = [name, "virtual"] if name == "prepare" else [name]
    with pytest.raises(SystemExit) as stop:
        main([*given, "--help"])
    assert stop.value.code == 0
    assert f"usage: crossbeat {name}" in capsys.readouterr().out


def test_help_does_not_load_torch():
    code = (
        "import sys; from crossbeat.cli import main; main(['--help']); "
        "sys.exit(sum(name in sys.modules for name in ('torch', 'lightning', 'scipy', 'polars')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_python_m_and_the_shell_see_the_exit_code():
    done = subprocess.run(
        [sys.executable, "-m", "crossbeat.cli", "tran"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: crossbeat has no command 'tran'; did you mean 'train'?")
    assert "Traceback" not in done.stderr


def test_recipes_lists_them_all(capsys):
    code, out, _ = called(capsys, "recipes")
    assert code == 0
    assert all(name in out for name in RECIPES)
    assert list(json.loads(called(capsys, "recipes", "--json")[1])) == list(RECIPES)


def test_show_tells_the_settings(capsys):
    code, out, _ = called(capsys, "show", "cromotex")
    assert code == 0
    for text in ("temperature", "ecg.encoder", "self_supervision.learning_rate"):
        assert text in out
    published = json.loads(called(capsys, "show", "cromotex", "--json")[1])
    assert published["temperature"] == RECIPES["cromotex"].temperature
    demo = json.loads(called(capsys, "show", "cromotex", "--preset", "demo", "--json")[1])
    assert demo["ecg"]["encoder"] == "cromotex-small"


@pytest.fixture
def few(tmp_path):
    return ["simulate", "--num_patients", 12, "--image_size", 16, "--out", tmp_path / "few"]


def test_simulate_writes_a_cohort_once(few, capsys, tmp_path):
    code, _, err = called(capsys, *few)
    assert code == 0
    assert "12 patients" in err
    cohort = Cohort.open(tmp_path / "few")
    assert cohort.table.height == 12
    assert cohort.info.image_size == 16
    before = (tmp_path / "few" / "cohort.json").stat().st_mtime_ns
    assert called(capsys, *few)[0] == 0
    assert (tmp_path / "few" / "cohort.json").stat().st_mtime_ns == before


def test_simulate_does_not_take_a_cohort_of_other_settings_for_its_own(few, capsys, tmp_path):
    called(capsys, *few)
    code, _, err = called(capsys, *few, "--seed", 1)
    assert code == 2
    assert str(tmp_path / "few") in err
    assert "other settings" in err


def test_a_build_that_was_begun_with_other_settings_is_named(few, capsys, tmp_path):
    called(capsys, *few)
    (tmp_path / "few").rename(tmp_path / "few.partial")
    code, _, err = called(capsys, *few, "--seed", 1)
    assert code == 2
    assert f"{tmp_path / 'few.partial'} was built with other settings" in err


def test_prepare_virtual_makes_what_simulate_makes(few, capsys, tmp_path):
    called(capsys, *few)
    again = ["prepare", "virtual", "--num_patients", 12, "--image_size", 16]
    assert called(capsys, *again, "--out", tmp_path / "same")[0] == 0
    one, other = (Cohort.open(tmp_path / name) for name in ("few", "same"))
    assert one.fingerprint() == other.fingerprint()


TRAIN = ("train", "cromotex", "--cohort", "no-cohort", "--out", "no-run")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["tran"], 2, "crossbeat has no command 'tran'; did you mean 'train'?"),
        (["train"], 2, "must start with a recipe, such as 'crossbeat train cromotex "),
        (["train", "cromotx"], 2, "got 'cromotx'; did you mean 'cromotex'?"),
        (["show", "cromotx"], 2, "got 'cromotx'; did you mean 'cromotex'?"),
        (["train", "cromotex"], 2, "crossbeat train must have --cohort and --out, got none; cross"),
        (
            ["simulate"],
            2,
            "crossbeat simulate must have --out, got none; crossbeat simulate --help",
        ),
        (["predict"], 2, "crossbeat predict must have RUN and FILES, got none; crossbeat predict"),
        (["prepare", "ptbxl"], 2, "got 'ptbxl'; did you mean 'ptb-xl'?"),
        (["demo", "--patient", "3"], 2, "has no option 'patient'; did you mean 'patients'?"),
        (["recipes", "--jsn"], 2, "crossbeat recipes has no option 'jsn'; did you mean 'json'?"),
        ([*TRAIN], 1, "no-cohort must be a folder with cohort.json, got none; build a cohort"),
        ([*TRAIN, "--sed", "1"], 2, "crossbeat train has no option 'sed'; did you mean 'seed'?"),
        ([*TRAIN, "--preset", "dem"], 2, "preset must be one of published, demo, got 'dem'"),
        ([*TRAIN, "--seed", "x"], 2, "--seed must be a whole number, got 'x'; crossbeat train --h"),
        (
            [*TRAIN, "--recipe.temprature", "0.05"],
            2,
            "error: Cromotex has no setting 'temprature'; did you mean 'temperature'?\n",
        ),
        ([*TRAIN, "--recipe.temper=1"], 2, "Cromotex has no setting 'temper'; did you mean 'tem"),
        (
            [*TRAIN, "--recipe.ecg.encodr", "biot"],
            2,
            "Cromotex.ecg has no setting 'encodr'; did you mean 'encoder'?",
        ),
        (
            [*TRAIN, "--recipe.self_supervision.epoch", "3"],
            2,
            "Cromotex.self_supervision has no setting 'epoch'; did you mean 'epochs'?",
        ),
        ([*TRAIN, "--trainer.device", "2"], 2, "TrainerSettings has no setting 'device'; did you"),
        ([*TRAIN, "--recipe.temperature", "hot"], 2, "--recipe.temperature must be a number, got"),
        (
            [*TRAIN, "--recipe.alignment_positives", "x"],
            2,
            "--recipe.alignment_positives must be a number or null, got 'x'",
        ),
        (
            [*TRAIN, "--recipe.findings", "edema,"],
            2,
            "--recipe.findings must be a list such as a,b, got 'edema,'",
        ),
        (
            [*TRAIN, "--recipe.ecg.encoder", "bio"],
            2,
            "--recipe.ecg.encoder must be one of cromotex, cromotex-small,",
        ),
        (
            [*TRAIN, "--recipe.self_supervision.epochs", "x"],
            2,
            "--recipe.self_supervision.epochs must be a whole number, got 'x'",
        ),
        (
            [*TRAIN, "--recipe.teacher.epochs", "-1"],
            2,
            "error: epochs must be 1 or more, got -1; r",
        ),
        (
            [*TRAIN, "--recipe.self_supervision.epochs", "0"],
            2,
            "error: epochs must be 1 or more, got 0; raise it\n",
        ),
        ([*TRAIN, "--config", "no.yaml"], 2, "--config must be a file, got none at no.yaml; check"),
        (["evaluate", "no-run"], 1, "no-run must be the folder of a run, got none; train it first"),
        (["embed", "no-run", "--out", "x"], 1, "no-run must be the folder of a run, got none"),
        (["predict", "no-run", "x.hea"], 1, "no-run/config.json must be there, got none; give the"),
        (["simulate", "--out", "x", "--num_patients", "0"], 2, "num_patients must be 1 or more"),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, list) else "",
)
def test_what_is_wrong_is_told_in_a_sentence(
    arguments, code, message, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    got, out, err = called(capsys, *arguments)
    assert (got, out) == (code, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "recipe: {temprature: 1}",
            "error: Cromotex has no setting 'temprature' in FILE; did you mean 'temperature'?\n",
        ),
        ("recipe: {ecg: {encodr: biot}}", "Cromotex.ecg has no setting 'encodr' in FILE; did you"),
        ("recipe: {self_supervision: {epoch: 1}}", "Cromotex.self_supervision has no setting"),
        ("recipe: {trainer: {devices: 1}}", "Cromotex has no setting 'trainer'"),
        ("recipie: {temperature: 1}", "has no option 'recipie' in FILE; did you mean 'recipe'?"),
        ("sed: 1", "crossbeat train has no option 'sed' in FILE; did you mean 'seed'?"),
        ("recipe: {temperature: hot}", "--recipe.temperature must be a number, got 'hot' in FILE;"),
        ("recipe: [1", "FILE must be YAML, got something else in line 1; correct the file"),
        ("seed: 1\nseed: 2", "FILE must have each name once, got 'seed' twice; correct the file"),
        (
            "recipe: {teacher: 5}",
            "--recipe.teacher must be settings such as {name: value}, got '5'",
        ),
        ("", "FILE must list options such as 'seed: 1', got nothing; correct the file"),
        ("cromotex", "FILE must list options such as 'seed: 1', got something else; correct"),
    ],
)
def test_what_is_wrong_in_a_file_is_told_as_on_the_command_line(text, message, capsys, tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    code, _, err = called(capsys, *TRAIN, "--config", path)
    assert code == 2
    assert err.count("\n") == 1
    assert message in err.replace(str(path), "FILE")


def test_a_closed_pipe_is_no_traceback(monkeypatch):
    def broken(arguments):
        raise BrokenPipeError

    monkeypatch.setattr("crossbeat.cli.recipes.run", broken)
    assert main(["recipes"]) == 1


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


def test_an_unexpected_error_is_one_line_that_names_the_file_of_its_trace(raising, capsys):
    traces = raising(ZeroDivisionError("division by\nzero"))
    code, out, err = called(capsys, "recipes")
    (trace,) = traces.iterdir()
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err == (
        "error: crossbeat recipes must not fail like this, got an unexpected error; "
        f"report it with {trace}\n"
    )
    assert "ZeroDivisionError: division by" in trace.read_text()
    assert f"crossbeat {__version__}" in trace.read_text()
    assert trace.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("words", [["--debug", "recipes"], ["recipes", "--json", "--debug"]])
def test_debug_shows_the_trace_in_the_place_of_a_file(words, raising, capsys):
    traces = raising(ZeroDivisionError("division by zero"))
    assert main(words) == 1
    err = capsys.readouterr().err
    assert err.startswith("Traceback")
    assert err.endswith("got an unexpected error; report it with the lines above\n")
    assert not list(traces.iterdir())


def test_debug_is_no_word_of_a_command_after_two_dashes(capsys):
    code, _, err = called(capsys, "recipes", "--", "--debug")
    assert code == 2
    assert "must have no further words, got '--debug'" in err


def test_where_no_trace_can_be_written_debug_is_named(raising, capsys):
    raising(ZeroDivisionError()).rmdir()
    code, _, err = called(capsys, "recipes")
    assert (code, err.count("\n")) == (1, 1)
    assert "got an unexpected error; report it with what the option --debug shows" in err


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            MemoryError(),
            "error: memory must have room for what crossbeat recipes holds in it, got ",
        ),
        (
            OSError(5, "Input/output error", "a/file"),
            "error: a/file must be a place that can be read and written, got: Input/output error; ",
        ),
        (OSError(28, "No space left on device"), "error: the disk must have room for all files, "),
        (DataError("a\n\x1b[1mb must be"), "error: a ?[1mb must be\n"),
    ],
)
def test_errors_of_the_machine_are_sentences_without_a_trace(error, message, raising, capsys):
    traces = raising(error)
    code, _, err = called(capsys, "recipes")
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith(message)
    assert not list(traces.iterdir())


def test_the_help_of_prepare_says_what_each_name_is(capsys):
    code, out, _ = called(capsys, "prepare", "--help")
    assert code == 0
    assert "files           Files listed in a table, one row for each ECG, X-ray or pair." in out


def test_help_has_no_marks_of_code(capsys):
    with pytest.raises(SystemExit):
        main(["prepare", "files", "--help"])
    out = capsys.readouterr().out
    assert "--no-checksum" in out.replace("\n", "").replace(" ", "")
    assert "`" not in out


def test_an_error_before_any_progress_is_one_line(capsys, tmp_path):
    (tmp_path / "list.csv").write_text("ecg,patient\na.hea,1\n")
    table = ("--table", tmp_path / "list.csv", "--out", tmp_path / "mine")
    code, _, err = called(capsys, "prepare", "files", *table)
    assert code == 1
    assert err.startswith("error: ")
    assert err.count("\n") == 1
