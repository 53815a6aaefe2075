import errno
import os

import pytest

from crossbeat.errors import DataError
from crossbeat.files import write_whole


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


def test_a_writer_that_raises_leaves_nothing(tmp_path):
    def breaks(file):
        file.write(b"half")
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_whole(tmp_path / "file", breaks)
    assert not list(tmp_path.iterdir())
