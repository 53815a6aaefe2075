import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crossbeat.errors import CheckpointError, DataError
from crossbeat.files import SEAL, check_seal, remove_drafts, write_sealed, write_whole


@pytest.mark.parametrize("contents", [b"new", "new", lambda file: file.write(b"new")])
def test_what_is_written_is_there_with_nothing_beside_it(tmp_path, contents):
    path = tmp_path / "folder" / "file"
    write_whole(path, contents)
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("number", "error", "text"),
    [
        (errno.ENOSPC, DataError, "must have room for .*file, got: No space left .*; free some"),
        (errno.EROFS, DataError, "file must be a place where you may .*, got: Read-only file sys"),
        (errno.EIO, OSError, "Input/output error"),
    ],
)
def test_a_failed_write_leaves_the_old_file_and_no_part_of_the_new(
    tmp_path, monkeypatch, number, error, text
):
    path = tmp_path / "file"
    write_whole(path, "old")

    def fails(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(error, match=text):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_where_nothing_can_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("there")
    with pytest.raises(DataError, match=r"file must be a folder that can be made, got: .*; choose"):
        write_whole(tmp_path / "file" / "inside", "new")
    with pytest.raises(DataError, match="must be a file, got a folder; choose another name"):
        write_whole(tmp_path, "new")


def test_what_cannot_be_written_is_named_and_not_its_draft(tmp_path, monkeypatch):
    def fails(self, *_):
        raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), str(self))

    monkeypatch.setattr(Path, "open", fails)  # as in /proc
    with pytest.raises(OSError, match="No such file") as caught:
        write_whole(tmp_path / "new", "new")
    assert caught.value.filename == str(tmp_path / "new")


def test_a_writer_that_raises_leaves_nothing(tmp_path):
    def breaks(file):
        file.write(b"half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_whole(tmp_path / "file", breaks)
    assert not list(tmp_path.iterdir())


WRITER = """
import os, sys, time
from pathlib import Path
from crossbeat.files import write_whole
def endless(file):
    print("writing", flush=True)
    time.sleep(60)
write_whole(Path(sys.argv[1]), endless)
"""


def test_the_draft_of_a_killed_writer_is_removed_and_that_of_a_living_one_stays(tmp_path):
    path = tmp_path / "inner" / "weights.file"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    (draft,) = path.parent.iterdir()
    remove_drafts(tmp_path)
    assert draft.exists()
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=60)
    remove_drafts(tmp_path)
    assert not list(path.parent.iterdir())


def test_drafts_of_other_machines_stay_for_a_day_and_other_files_for_ever(tmp_path):
    young, old = (tmp_path / f".file.elsewhere-1.{name}.part" for name in ("0" * 8, "f" * 8))
    others = [tmp_path / ".x.part", tmp_path / "file.part", tmp_path / ".a.b-c.d.part"]
    for path in (young, old, *others):
        path.write_text("")
    for path in (old, *others):
        os.utime(path, (1.0, 1.0))
    remove_drafts(tmp_path)
    assert set(tmp_path.iterdir()) == {young, *others}


def sealed(folder):
    for name in ("weights", "settings", "card"):
        (folder / name).write_text(name)
    write_sealed(folder, last="done", text="yes", names=("weights", "settings"))


def check(folder):
    check_seal(folder, needs=("weights", "done"), remedy="train it again")


def test_a_sealed_folder_is_as_it_was_written(tmp_path):
    sealed(tmp_path)
    check(tmp_path)
    (tmp_path / "card").write_text("other words")
    (tmp_path / "new").write_text("beside")
    check(tmp_path)


@pytest.mark.parametrize("name", ["weights", "settings", "done"])
@pytest.mark.parametrize(("contents", "what"), [("weightt", "other contents"), (None, "not exist")])
def test_a_file_that_was_changed_or_removed_breaks_the_seal(tmp_path, name, contents, what):
    sealed(tmp_path)
    (tmp_path / name).unlink()
    if contents is not None:
        (tmp_path / name).write_text(contents)
    with pytest.raises(CheckpointError, match=f"{name} .*{what}; train it again"):
        check(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 1, "files": {}}', '{"format": 1, "files": [1]}', '{"files": 3}'],
)
def test_a_damaged_seal_is_refused(tmp_path, text):
    sealed(tmp_path)
    (tmp_path / SEAL).write_text(text)
    with pytest.raises(CheckpointError, match=r"seal\.json must .*; train it again"):
        check(tmp_path)


def test_a_seal_of_another_format_or_of_files_elsewhere_is_refused(tmp_path):
    sealed(tmp_path)
    seal = json.loads((tmp_path / SEAL).read_text())
    mark = seal["files"]["weights"]
    for other in ({"format": 2}, {"files": seal["files"] | {"../weights": mark}}):
        (tmp_path / SEAL).write_text(json.dumps(seal | other))
        with pytest.raises(CheckpointError, match="must be a seal of format 1 of weights, done"):
            check(tmp_path)
    (tmp_path / SEAL).unlink()
    with pytest.raises(CheckpointError, match=r"must have a seal\.json, got none; train it again"):
        check(tmp_path)
