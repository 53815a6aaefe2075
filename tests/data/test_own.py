import gzip
from datetime import datetime

import numpy as np
import polars as pl
import pytest
import torch
from published_trees import write_film, write_own

from crossbeat.data.sources.own import OwnFiles
from crossbeat.data.sources.own_table import Columns
from crossbeat.errors import ConfigError, DataError, UserError

TWICE = "ecg,patient | a.hea,007; b.hea,7.0; d.hea,8"
EVERY_ROW = "Every row counts as another patient, as --every-row-is-a-patient says."
ROWS = [
    "a.hea,a.png,p1,1,2020-01-01 10:00:00,61,F",
    "b.hea,,p1,0,2020-01-02 10:00:00,61,F",
    ",c.png,p2,-1,,,M",
    "d.hea,d.png,p3,,2020-01-04T10:00:00,40,",
]


def build(table, *findings, allow_missing=False, **settings):
    made = OwnFiles(table=table, image_size=32, findings=findings, **settings)
    return made.build(table.parent / "cohort", allow_missing=allow_missing)


def refusal(table, *findings, **settings):
    with pytest.raises(UserError) as told:
        build(table, *findings, **settings)
    assert not (table.parent / "cohort").exists()
    assert not (table.parent / "cohort.partial").exists()
    return str(told.value)


def written(folder, case):
    """A table of a case (its header, and its rows), and its findings."""
    head, _, rows = case.partition(" | ")
    table = write_own(folder, rows.split("; ") if rows else [], head)
    return table, ["edema"] if "edema" in head.lower() else []


def test_rows_are_ecgs_xrays_and_pairs(tmp_path):
    cohort = build(write_own(tmp_path, ROWS), "edema")
    table = cohort.table
    assert table["ecg"].to_list() == [0, 1, None, 2]
    assert table["xray"].to_list() == [0, None, 1, 2]
    assert table["xray_patient"].to_list() == ["p1", None, "p2", "p3"]
    assert table["label:edema"].to_list() == [1, 0, -1, None]
    assert table["age"].to_list() == [61, 61, None, 40]
    assert table["sex"].to_list() == ["F", "F", "M", None]
    assert str(table["time"][3]) == "2020-01-04 10:00:00"
    assert (cohort.info.kind, cohort.info.findings) == ("paired", ("edema",))
    assert cohort.ecgs(np.array([3])).values.shape == (1, 12, 1000)


def test_a_row_that_loses_one_side_keeps_the_other(tmp_path):
    table = write_own(tmp_path, ROWS)
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "b.dat").write_bytes(b"")
    cohort = build(table, allow_missing=True)
    assert cohort.table.select("record", "ecg", "xray").rows() == [
        ("row-1", 0, None),
        ("row-3", None, 0),
        ("row-4", 1, 1),
    ]
    assert cohort.rejected().select("record", "file", "signal").rows() == [
        ("row-2", "b.hea", "ecg"),
        ("row-1", "a.png", "xray"),
    ]


WRONG = (
    (
        "file,patient | a.hea,1 | a column ecg or xray that names files, got file, patient; "
        "add --columns.ecg file"
    ),
    (
        "ecg,PatientID | a.hea,1 | must have a column patient, got ecg, PatientID; add "
        "--columns.patient PatientID, or say --every-row-is-a-patient if no patient has two rows"
    ),
    (
        "Path,MRN,x | a.hea,1,2 | a column ecg or xray that names files and a column patient, "
        "got Path, MRN, x; add --columns.ecg Path --columns.patient MRN, or say --every-row"
    ),
    "bild,who | a.png,1 | got bild, who; add --columns.ecg COLUMN --columns.patient COLUMN,",
    (
        "EKG-Datei,Patienten-Nr. | a.hea,1 | add --columns.ecg EKG-Datei --columns.patient "
        "Patienten-Nr., or"
    ),
    "ecg,who | a.hea,1 | add --columns.patient COLUMN, or say --every-row-is-a-patient",
    "ecg,patient,patient | a.hea,1,1 | must name every column once, got 'patient' 2 times",
    "ecg,patient | a.hea,1,9 | line 2 of .*must have 2 values, as the header has, got 3",
    "ecg,patient,edema | a.hea,1,; b.hea,0 | line 3 of .* must have 3 values, .* got 2",
    "ecg,patient | a.hea,1.23457E+14 | have all of its digits, got '1.23457E.14' in row",
    "ecg,patient | a.hea, | must have a patient, got none in row 1",
    "ecg,patient |  | must have a row below its header, got none",
    " | a.hea,1 | its columns, got an empty line; add the names, or export it again",
    (
        "ecg,patient,edema | a.hea,1,maybe | column 'edema' of .* must be 1, 0, -1 "
        r"\(uncertain\), yes, no or empty, got 'maybe' in row 1; .*say --missing maybe if"
    ),
    (
        "ecg,patient,edema | a.hea,1,155; b.hea,2,120; c.hea,3,1 | column 'edema' of .* got "
        r"'155' in row 1 \(and 1 more\)"
    ),
    "ecg,patient,edema | a.hea,1,-0.5 | got '-0.5' in row 1",
    "ecg,patient,edema | a.hea,1,; b.hea,2,0.7 | got '0.7' in row 2; .*say --soft-labels",
    "ecg,patient,edema | a.hea,1,1.9 | got '1.9' in row 1",
    (
        "ecg,patient,age | a.hea,1,300 | from 0 to 120, or empty, got '300' in row 1; .*say "
        "--missing 300 if it stands for no age"
    ),
    "ecg,patient,sex | a.hea,1,0 | must be F or M, .* got '0' in row 1; .*--female 0 or --male 0",
    "ecg,patient,sex | a.hea,1,H; b.hea,2,M | got 'M' in row 2",
    "ecg,patient,split | a.hea,1,3 | must be train, val or test, got '3' in row 1",
    "ecg,patient,split | a.hea,1, | must be train, val or test, got '' in row 1",
    "ecg,patient,split | a.hea,p,test; b.hea,p,train | every patient must be in one",
    (
        "ecg,patient,time | a.hea,1,03/04/2020 | must be an ISO 8601 time .* got '03/04/2020' "
        "in row 1; .*--time-format '%d/%m/%Y' or '%m/%d/%Y', which fit all rows"
    ),
    "ecg,patient,time | a.hea,1,13.04.2020 10:12 | --time-format '%d.%m.%Y %H:%M'$",
    "ecg,patient,time | a.hea,1,2020-13-01 | got '2020-13-01' in row 1",
    "ecg,patient,time | a.hea,1,0001-01-01 00:00+01:00 | must be an ISO 8601 time",
    (
        "ecg,patient,time | a.hea,1,2020-01-01T10:00Z; b.hea,2,2020-01-01T10:00 | all times of "
        ".* must have a time zone, or none, got"
    ),
    (
        "ecg,patient,time,xray_time | a.hea,1,2020-01-01T10:00+02:00,2020-01-01T10:00 | got "
        r"'2020-01-01T10:00\+02:00' \(time\) and '2020-01-01T10:00' \(xray_time\)"
    ),
    (
        "ecg,patient | a.hea,1; a.hea,2 | every file of .* must be of one patient, got .*a.hea "
        "in rows 1 and 2 of patients 1 and 2"
    ),
    "ecg,patient | a.hea,ab; b.hea,AB | one way, got 1 in several: 'AB' and 'ab'",
    (
        "ecg,patient | x.hea,1; y.hea,2 | the files of column ecg of .* must exist, got 2 of 2 "
        "that do not, the first: .*x.hea; correct the names, say --root"
    ),
)
"""The header of a table, its rows, and what is wrong with them."""


@pytest.mark.parametrize("case", WRONG)
def test_tables_that_are_wrong_are_refused_before_a_file_is_read(case, tmp_path):
    case, _, message = case.rpartition(" | ")
    table, findings = written(tmp_path, case)
    with pytest.raises(DataError, match=message):
        build(table, *findings)
    assert not (tmp_path / "cohort.partial").exists()


RIGHT = (
    (
        "ecg,patient,split | a.hea,1,test; b.hea,2,Training; d.hea,3,validation",
        {},
        {"split": ["test", "train", "val"]},
    ),
    ("ecg,patient,split | a.hea, p1 ,train; b.hea,p1,train", {}, {"patient": ["p1", "p1"]}),
    (
        "ECG, Subject_ID ,Edema,BMI | a.hea,7,1,6; b.hea,8,0,7",
        {"columns": Columns(patient="subject_id")},
        {"patient": ["7", "8"], "label:edema": [1, 0], "note": "Columns that are not used: BMI."},
    ),
    (
        "ecg,patient,time,sex | a.hea,1,2020-01-01,F",
        {"columns": Columns(sex="none", time="none")},
        {"time": [None], "sex": [None], "note": "Columns that are not used: time, sex."},
    ),
    (
        "ecg,edema | a.hea,1; b.hea,0; d.hea,",
        {"every_row_is_a_patient": True},
        {"patient": ["row-1", "row-2", "row-3"], "label:edema": [1, 0, None], "note": EVERY_ROW},
    ),
    (  # words for nothing, and for labels
        "ecg,patient,edema,age,sex | a.hea,1,yes,56y,female; b.hea,2,NO,NA,male; a.hea,1,-9,18M,w",
        {"missing": ("-9",)},
        {
            "label:edema": [1, None, 0],
            "age": [56, 1.5, None],
            "sex": ["F", "F", "M"],
        },
    ),
    (
        "ecg,patient,sex | a.hea,1,1; b.hea,2,0; d.hea,3,",
        {"female": ("1",), "male": ("0",)},
        {"sex": ["F", "M", None]},
    ),
    (
        "ecg,patient,time,xray_time | a.hea,1,03.04.2020 10:12,2020-04-03 12:00; b.hea,2,,",
        {"time_format": "%d.%m.%Y %H:%M"},
        {
            "time": [datetime(2020, 4, 3, 10, 12), None],
            "xray_time": [datetime(2020, 4, 3, 12), None],
        },
    ),
    (  # a form that all times have goes before ISO
        "ecg,patient,time | a.hea,1,2020-04-03; b.hea,2,2020-05-06",
        {"time_format": "%Y-%d-%m"},
        {"time": [datetime(2020, 3, 4), datetime(2020, 6, 5)]},
    ),
    (  # one zone becomes UTC
        "ecg,patient,time | a.hea,1,2020-04-03 10:12:00+02:00; b.hea,2,2020-04-03T10:12Z",
        {},
        {"time": [datetime(2020, 4, 3, 8, 12), datetime(2020, 4, 3, 10, 12)]},
    ),
    (
        "ecg,xray,patient | a.hea,a.png,1; a.hea,a.png,1; d.hea,,2; a.hea,c.png,1",
        {},
        {
            "patient": ["1", "1", "2"],
            "ecg": [0, 0, 1],
            "xray": [0, 1, None],
            "note": "1 rows that repeat an earlier row were left out.",
        },
    ),
    (TWICE, {"exact_ids": True}, {"patient": ["007", "7.0", "8"]}),
    (
        "ecg,patient,edema | a.hea,1,0.7; b.hea,2,0.999; d.hea,3,-1; a.hea,1,",
        {"label_threshold": 0.8},
        {"label:edema": [0, None, 1, -1]},
    ),
)
"""The header of a table, its rows, how they are read, and what columns and a note then say."""


@pytest.mark.parametrize(("case", "settings", "expected"), RIGHT)
def test_columns_are_read_as_they_are_written(case, settings, expected, tmp_path):
    table, findings = written(tmp_path, case)
    cohort = build(table, *findings, **settings)
    for name, values in expected.items():
        if name == "note":
            assert values in cohort.info.notes
        else:
            assert cohort.table[name].to_list() == values, name


@pytest.mark.parametrize(
    ("columns", "findings", "message"),
    [
        (Columns(age="years"), (), "--columns.age must name a column of .*, got 'years'; its "),
        (Columns(patient="patien"), (), "got 'patien'; did you mean 'patient'"),
        (Columns(age="sex"), ("oedema",), r"--findings .* got 'oedema'; did you mean 'edema'\?$"),
        (
            Columns(time="age", xray_time="age"),
            (),
            "--columns.time and --columns.xray_time must name different columns, got 'age'",
        ),
    ],
)
def test_columns_that_are_not_there_are_refused(columns, findings, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        build(write_own(tmp_path, ROWS), *findings, columns=columns)


def test_every_row_is_a_patient_does_not_fit_patients_or_a_file_twice(tmp_path):
    table = write_own(tmp_path, ROWS)
    assert "read without --every-row-is-a-patient" in refusal(table, every_row_is_a_patient=True)
    table = write_own(tmp_path, ["a.hea", "a.hea"], "ecg")
    assert "must be of one patient" in refusal(table, every_row_is_a_patient=True)


def test_labels_between_0_and_1_are_kept_for_the_training(tmp_path):
    table, findings = written(tmp_path, "ecg,patient,edema | a.hea,1,0.7; b.hea,2,; d.hea,3,-1")
    soft = build(table, *findings, soft_labels=True)
    assert soft.table["label:edema"].to_list() == [1, None, -1]
    assert soft.table["soft:edema"].to_list() == pytest.approx([0.7, None, None])
    known = soft.soft_labels(np.arange(2), ["edema"], torch.zeros(2, 1))
    assert known.tolist() == [[pytest.approx(0.7)], [0]]
    hard = soft.with_table(soft.table.drop("soft:edema"))
    assert hard.soft_labels(np.arange(2), ["edema"], torch.zeros(2, 1)) is None


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_tables_of_other_separators_and_decimal_commas(separator, tmp_path):
    table = write_own(tmp_path, [])
    lines = ["ecg,patient,age,edema", 'a.hea,007,"56,5",1', 'b.hea,012,"7,25",0']
    text = "\n".join(lines).replace(",", separator)
    table.write_text(text.replace(f"56{separator}5", "56,5").replace(f"7{separator}25", "7,25"))
    cohort = build(table, "edema")
    assert cohort.table["patient"].to_list() == ["007", "012"]
    assert cohort.table["age"].to_list() == [56.5, 7.25]


def test_latin_1_utf_16_gzip_and_the_line_of_excel(tmp_path):
    table = write_own(tmp_path, [])
    text = "sep=;\r\necg;Müller;age\r\na.hea;José;50\r\n"
    written = {
        "latin-1": text.encode("latin-1"),
        "utf-16": text.encode("utf-16"),
        "utf-8": b"\xef\xbb\xbf" + text.partition("\n")[2].encode(),
        "gzip": gzip.compress(text.encode()),
    }
    for name, data in written.items():
        table.write_bytes(data)
        made = OwnFiles(table=table, columns=Columns(patient="müller"), image_size=32)
        cohort = made.build(tmp_path / name)
        assert cohort.table["patient"].to_list() == ["José"], name
        assert any("Windows-1252" in note for note in cohort.info.notes) == (name == "latin-1")


def test_excel_keeps_zeros_dates_and_sheets(tmp_path):
    import xlsxwriter

    write_own(tmp_path, [])
    path = tmp_path / "list.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet("ECGs")
        dates = book.add_format({"num_format": "dd.mm.yyyy hh:mm"})
        sheet.write_row(0, 0, ["ecg", "patient", "time", "age"])
        for row, (name, patient) in enumerate([("a.hea", "007"), ("b.hea", "012")], start=1):
            sheet.write_string(row, 0, name)
            sheet.write_string(row, 1, patient)
            sheet.write_datetime(row, 2, datetime(2024, 4, 3, 10, 12), dates)
            sheet.write_number(row, 3, 50.5)
        book.add_worksheet("empty")
    cohort = build(path)
    assert cohort.table["patient"].to_list() == ["007", "012"]
    assert str(cohort.table["time"][0]) == "2024-04-03 10:12:00"
    assert cohort.table["age"].to_list() == [50.5, 50.5]
    with xlsxwriter.Workbook(path) as book:
        for name in ("one", "two"):
            book.add_worksheet(name).write_row(0, 0, [name, "patient"])
    with pytest.raises(
        ConfigError, match="--sheet and the name of one sheet, got none; its sheets are one, two"
    ):
        OwnFiles(table=path).build(tmp_path / "other")
    path.write_bytes(b"PK\x03\x04 and nothing")
    with pytest.raises(DataError, match="must be an Excel workbook, got a damaged or protected"):
        OwnFiles(table=path).build(tmp_path / "other")


def test_parquet(tmp_path):
    write_own(tmp_path, [])
    path = tmp_path / "list.parquet"
    table = pl.DataFrame(
        {
            "ecg": ["a.hea", "b.hea"],
            "patient": [7, 12],
            "time": [datetime(2024, 4, 3, 10, 12), None],
            "age": [50.1, 51.0],
            "edema": [True, False],
        }
    )
    table = table.with_columns(pl.col("age").cast(pl.Float32), words=pl.lit([1, 2]))
    table.write_parquet(path)
    cohort = build(path, "edema")
    assert any(
        note.endswith("text, numbers and times, not read: words.") for note in cohort.info.notes
    )
    assert cohort.table["patient"].to_list() == ["7", "12"]
    assert str(cohort.table["time"][0]) == "2024-04-03 10:12:00"
    assert cohort.table["age"].to_list() == pytest.approx([50.1, 51.0], rel=1e-6)
    assert cohort.table["label:edema"].to_list() == [1, 0]
    path.write_bytes(b"PAR1 and nothing")
    with pytest.raises(DataError, match="must be a Parquet table"):
        OwnFiles(table=path).build(tmp_path / "other")


@pytest.mark.parametrize(
    "name", ["absent.csv", "folder", "image.png", "empty.csv", "long.csv", "packed.csv"]
)
def test_what_is_no_table_is_refused(name, tmp_path):
    (tmp_path / "folder").mkdir()
    write_film(tmp_path / "image.png", 32, seed=0)
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "long.csv").write_bytes(b"a" * 200_000)
    (tmp_path / "packed.csv").write_bytes(b"\x1f\x8b\x08\0" + b"x" * 100)
    with pytest.raises(DataError, match=f"{name}.*must"):
        OwnFiles(table=tmp_path / name).build(tmp_path / "cohort")


def test_files_have_absolute_names_names_of_windows_stems_or_another_root(tmp_path):
    home = tmp_path / "files" / "in"
    home.mkdir(parents=True)
    write_own(home, [])
    table = tmp_path / "list.csv"
    table.write_text(f"ecg,patient\nin\\a.hea,1\n{home / 'b'},2\nin/d,3\n")
    assert build(table, root=tmp_path / "files").table.height == 3


def test_times_of_another_form_than_is_said_are_refused(tmp_path):
    table, _ = written(tmp_path, "ecg,patient,time | a.hea,1,13:00")
    assert "must be a time of the form '%d.%m.%Y'" in refusal(table, time_format="%d.%m.%Y")


def test_ecgs_without_a_rate_are_refused_before_a_cohort_is_begun(tmp_path):
    write_own(tmp_path, [])
    np.save(tmp_path / "n.npy", np.zeros((12, 1000)))
    (tmp_path / "list.csv").write_text("ecg,patient\na.hea,1\nn.npy,2\n")
    assert "n.npy must be read with its rate and unit" in refusal(tmp_path / "list.csv")


def test_a_cohort_that_lost_its_files_is_no_success(tmp_path):
    rows = [f"{name}.hea,{name}.png,{name}" for name in "abd"]
    table = write_own(tmp_path, rows, "ecg,xray,patient")
    for name in "ad":
        (tmp_path / f"{name}.png").write_bytes(b"none")
    write_film(tmp_path / "b.png", 32, seed=3)
    message = r"got 2 of 3 in column xray that are not, the first: .*a.png must be an image"
    with pytest.raises(DataError, match=message):
        build(table)
    assert not (tmp_path / "cohort").exists()
    write_film(tmp_path / "a.png", 32, seed=0)
    with pytest.raises(DataError, match=r"got 1 of 3 in column xray .* add --allow-m"):
        build(table)
    again = build(table, allow_missing=True)  # corrected files are read again
    assert again.table["xray"].to_list() == [0, 1, None]


def test_two_spellings_of_one_id_are_refused_before_anything_is_read(tmp_path):
    table, _ = written(tmp_path, TWICE)
    said = refusal(table)
    assert "list.csv must spell the id of each patient in one way, got 1 in several: '007'" in said
    assert said.endswith("or say --exact-ids (exact_ids=True) if they are different people")
