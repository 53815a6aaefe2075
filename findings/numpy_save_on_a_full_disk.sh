#!/usr/bin/env bash
# numpy 2.3.5: on a full disk, ndarray.tofile, through which numpy.save writes the data of an array
# into a real file, raises an OSError without an error number, while every other write of Python
# raises ENOSPC. A handler that asks for error.errno == errno.ENOSPC, as a long build of a data set
# does, misses the full disk.
# Seen: "OSError: 1000000 requested and 0 written", errno None; a plain write: errno 28.
# /dev/full is a device that behaves as a full disk. Linux only.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5
"$folder/venv/bin/python" - <<'PY'
import errno

import numpy as np

array = np.zeros(1_000_000, np.uint8)
assert np.__version__ == "2.3.5"


def number(write):
    try:
        with open("/dev/full", "wb", buffering=0) as file:
            write(file)
    except OSError as error:
        print(type(error).__name__, error.errno, error)
        return error.errno
    raise AssertionError("no error")


assert number(lambda file: file.write(array.data)) == errno.ENOSPC
assert number(array.tofile) is None
print("as stated: numpy tells of a full disk without the error's number")
PY
