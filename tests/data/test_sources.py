"""What holds for every data set that commands offer."""

import json
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from published_trees import TREES, build, microvolts

from crossbeat.cli import main
from crossbeat.data.people import people
from crossbeat.data.registry import COHORTS
from crossbeat.errors import ConfigError, DataError
from crossbeat.leads import STANDARD
from crossbeat.quality import Length
from crossbeat.signal import Ecg, Preprocessing

FILES = {
    "ptb-xl": ("*_lr.dat", "ptbxl_database.csv"),
    "nih-cxr14": ("*.png", "Data_Entry_2017.csv"),
    "chexpert": ("*.jpg", "train.csv"),
    "ludb": ("*.dat", "ludb.csv"),
    "code-15": ("*.hdf5", "exams.csv"),
    "cinc-2021": ("*.mat", None),
    "files": ("*.dat", None),
    "mimic": ("*.jpg", "record_list.csv"),
    "ukb": ("*.zip", "measures.csv"),
}
"""The files of a signal, and the table whose columns must be those that were published."""

PREFIX = {
    "virtual": ("v0-", "virtual 0"),
    "virtual-hearts": ("h0-", "virtual 0"),
    "ptb-xl": ("ptbxl-", "ptbxl"),
    "nih-cxr14": ("nih-", "nih"),
    "chexpert": ("chexpert-", "chexpert"),
    "ludb": ("ludb-", "ludb"),
    "code-15": ("code15-", "code15"),
    "cinc-2021": ("cinc-", "cinc"),
    "files": ("p", "own"),
    "mimic": ("mimic-", "mimic"),
    "ukb": ("", "ukb"),
    "label-matched": ("ptbxl-", "ptbxl"),
}
"""How the ids of patients begin, and the source that this makes them of."""


def contents(folder):
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert "cohort.json" in found
    return found


def test_every_data_set_has_a_tree():
    assert set(COHORTS) == set(TREES) == set(PREFIX)


@pytest.mark.parametrize("name", TREES)
def test_the_command_goes_on_with_an_interrupted_build_to_the_same_bytes(
    name, source, built, tmp_path, capsys, monkeypatch
):
    def stop(*_):
        raise KeyboardInterrupt

    settings = source(name)
    with monkeypatch.context() as patch:
        patch.setattr("crossbeat.data.build._finish", stop)
        with pytest.raises(KeyboardInterrupt):
            build(settings, tmp_path / "cohort")
    assert not (tmp_path / "cohort").exists()
    words = ["prepare", name, "--out", str(tmp_path / "cohort"), "--workers", "1"]
    for field in fields(settings):
        value = getattr(settings, field.name)
        if value != field.default:
            text = json.dumps(value) if isinstance(value, tuple) else str(value)
            words += [f"--{field.name}", text]
    assert main(words) == 0
    assert f"{built(name).table.height} rows" in "".join(capsys.readouterr())
    assert contents(tmp_path / "cohort") == contents(built(name).folder)


@pytest.mark.parametrize("name", TREES)
def test_ids_are_of_their_source_and_nothing_is_left_out_of_a_sound_tree(name, built):
    cohort = built(name)
    prefix, source = PREFIX[name]
    assert cohort.table["patient"].str.starts_with(prefix).all()
    told = people(cohort, np.arange(cohort.table.height))
    assert set(told["source"]) <= {source, "nih"}
    assert source in set(told["source"])
    assert cohort.rejected().height == 0


@pytest.mark.parametrize("name", [n for n in TREES if n not in ("ptb-xl", "label-matched")])
def test_patients_are_divided_by_their_shares_and_a_seed(name, source, built, tmp_path):
    settings, first = source(name), built(name)
    if name == "chexpert":
        settings = replace(settings, experts=False)
        first = build(settings, tmp_path / "first")
    second = build(replace(settings, val=0.2, test=0.1, seed=2), tmp_path / "second")
    one, other = (dict(each.table.select("patient", "split").rows()) for each in (first, second))
    for splits, val, test in ((one, 0.1, 0.2), (other, 0.2, 0.1)):
        counts, total = Counter(splits.values()), len(splits)
        assert (counts["val"], counts["test"]) == (round(val * total), round(test * total))
    if not name.startswith("virtual"):  # another seed is other patients
        tested = {patient for patient, split in other.items() if split == "test"}
        assert {one[patient] for patient in tested} != {"test"}


WAVES = {
    "ptb-xl": ("ptbxl-3", 3, 100.0),
    "ludb": ("ludb-34", 34, 500.0),
    "code-15": ("code15-12", 12, 400.0),
    "cinc-2021": ("cinc-E09001", 1, 500.0),
    "files": ("row-4", 3, 100.0),
    "ukb": ("1000022", 1, 500.0),
}
"""Of a record: the seed of its waves, and their sampling rate in its file."""


@pytest.mark.parametrize("name", WAVES)
def test_a_stored_ecg_is_that_of_its_own_file_cleaned_in_millivolts(name, built):
    cohort, (record, seed, fs) = built(name), WAVES[name]
    row = cohort.table.row(by_predicate=pl.col("record") == record, named=True)
    waves = microvolts(seed, fs=fs, seconds=cohort.info.seconds)
    waves = waves // 5 * 5 if name == "ukb" else waves  # as coarse as its files
    clean = Preprocessing(leads=STANDARD, fs=100.0, seconds=cohort.info.seconds, baseline=True)
    wanted = clean.apply(Ecg((waves / 1000).astype(np.float32), STANDARD, fs)).values
    stored = cohort.ecgs(np.array([row["ecg"]])).values[0].numpy()
    np.testing.assert_allclose(stored, wanted, atol=0.00051)
    assert cohort.info.unit == "mV"


@pytest.mark.parametrize("name", ["code-15", "cinc-2021", "files"])
def test_shorter_ecgs_are_left_out_or_padded(name, source, built, tmp_path):
    settings = replace(source(name), seconds=11.0)
    with pytest.raises(DataError, match="must last at least 11 s, got "):
        build(settings, tmp_path / "strict")
    padded = build(replace(settings, length=Length(shorter="pad")), tmp_path / "padded")
    assert padded.ecgs(np.arange(10)).values.shape == (10, 12, 1100)
    assert padded.table.height == built(name).table.height


@pytest.mark.parametrize("name", FILES)
def test_files_that_cannot_be_read_are_told_and_left_out_on_request(name, copied, tmp_path):
    settings = copied(name)
    files = sorted((tmp_path / name).rglob(FILES[name][0]))
    spoilt = files[: len(files) // 4 + 1]
    for file in spoilt:
        file.write_bytes(b"no signal")
    message = r"nearly all files of c must be usable, .*the first: .* add --allow-missing"
    with pytest.raises(DataError, match=message) as told:
        build(settings, tmp_path / "c", allow_missing=False)
    assert str(tmp_path) not in str(told.value).partition("the first:")[2]
    left_out = build(settings, tmp_path / "c").rejected()
    assert left_out.height >= len(spoilt) - 1  # a lateral film is not asked for
    assert set(left_out["rule"]) == {"unreadable"}
    for file, reason in left_out.select("file", "reason").rows():
        assert Path(file).stem.partition(":")[0] in {path.stem for path in spoilt}
        assert str(tmp_path) not in file + reason


@pytest.mark.parametrize("name", FILES)
def test_a_tree_that_is_not_there_is_told(name, source, tmp_path):
    settings = source(name)
    given = vars(settings)
    paths = {key: tmp_path / key for key, value in given.items() if isinstance(value, Path)}
    with pytest.raises(DataError, match=r"there is no f|must hold|must be a table, got nothing"):
        build(replace(settings, **paths), tmp_path / "cohort")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", [name for name, (_, table) in FILES.items() if table])
def test_a_table_of_other_columns_or_none_is_refused(name, copied, tmp_path):
    settings = copied(name)
    (path,) = (tmp_path / name).rglob(FILES[name][1])
    for text, message in (
        (b"a,b\n1,2\n", "must have the column"),
        (b"\x1f\x8b broken", "must be a CSV table, got"),
    ):
        path.write_bytes(text)
        with pytest.raises(DataError, match=rf"{path.name} {message}"):
            build(settings, tmp_path / "cohort")


SHARES = ({"val": 0.5, "test": 0.6}, "shares val and test must be 0 or more, and 1 or less tog")
SLOW = ({"fs": 0.0}, "fs must be above 0 Hz")
SMALL = ({"image_size": 0}, "image_size must be 1 pixel or more, got 0")
WITHOUT = "in a cohort without X-rays"
WRONG: dict[str, list[tuple[dict[str, Any], str]]] = {
    "virtual": [
        ({"num_patients": -1}, r"Virtual\.num_patients must be 1 or more, got -1; raise it"),
        ({"image_size": -1}, r"Virtual\.image_size must be 16 or more, got -1"),
        ({"seed": -1}, r"Virtual\.seed must be 0 or more, got -1"),
        ({"label_noise": 0.6}, r"Virtual\.label_noise must be 0 to 0\.5, .*got 0\.6; change it"),
        ({"label_noise": float("nan")}, r"label_noise must be 0 to 0\.5, .*got nan"),
        ({"paired": 1.5}, r"Virtual\.paired must be 0 to 1, .*got 1\.5; change it"),
        ({"outside": -1}, r"Virtual\.outside must be 0 or more, got -1; raise it"),
        ({"labelled": 2.0}, r"Virtual\.labelled must be 0 to 1, .*got 2\.0; change it"),
        ({"hours_apart": -1.0}, r"hours_apart must be 0 or more, and finite, got -1\.0; change it"),
        ({"hours_apart": float("inf")}, "hours_apart must be 0 or more, and finite, got inf"),
        ({"film_noise": 300.0}, r"film_noise must be 0 to 255 grey levels, got 300\.0; change it"),
        ({"image_size": 0, "paired": 0.5}, rf"paired must be 1\.0 {WITHOUT}"),
        ({"image_size": 0, "outside": 5}, f"outside must be 0 {WITHOUT}"),
        ({"image_size": 0, "film_noise": 5.0}, rf"film_noise must be 0\.0 {WITHOUT}.* set image_s"),
    ],
    "virtual-hearts": [
        ({"frames": 1}, r"VirtualHearts\.frames must be 2 or more, got 1"),
        ({"cine_size": 8}, "cine_size must be 16 or more, got 8"),
        ({"measured": 0.0}, "measured must be above 0 and at most 1, got 0.0"),
        ({"measured": 1.5}, "measured must be above 0 and at most 1, got 1.5"),
    ],
    "ptb-xl": [({"least_likelihood": 101.0}, "least_likelihood must be 0 to 100 percent")],
    "nih-cxr14": [SMALL],
    "chexpert": [SMALL, ({"views": ()}, "views must be some of Frontal, Lateral, got none")],
    "ludb": [],
    "code-15": [
        ({"millivolts": 0.0}, "millivolts must be above 0 mV, got 0"),
        ({"seconds": 0.0}, "seconds must be above 0"),
    ],
    "cinc-2021": [
        ({"sources": ()}, "sources must be some of cpsc_2018, .*got none"),
        ({"seconds": -1.0}, "seconds must be above 0"),
    ],
    "files": [
        SMALL,
        ({"label_threshold": 0.0}, "--label-threshold must be above 0"),
        ({"findings": ("a", "a")}, "--findings must be different"),
    ],
    "mimic": [SMALL, ({"ed": None}, r"Mimic\.ed must be the folder of MIMIC-IV-ED for pairing by")],
    "ukb": [
        *(
            ({name: value}, rf"Ukb\.{name} must be .* or more, got")
            for name, value in {"frames": 1, "cine_size": 8, "side_mm": 0.0, "visit": -1}.items()
        ),
        (
            {"cine_long": Path(), "view": "4ch"},
            "view must be short where cine_long is given, got 4",
        ),
    ],
    "label-matched": [({"most_uses": 0}, "most_uses of 1 or more"), ({"rules": ()}, "0 rules")],
}


@pytest.mark.parametrize("name", TREES)
def test_settings_out_of_their_range_are_refused(name, source):
    settings = source(name)
    wrong = [*WRONG[name], *([SHARES] if hasattr(settings, "test") else [])]
    for given, message in [
        *wrong,
        *([SLOW] if hasattr(settings, "fs") and name != "ptb-xl" else []),
    ]:
        with pytest.raises(ConfigError, match=message):
            replace(settings, **given)
