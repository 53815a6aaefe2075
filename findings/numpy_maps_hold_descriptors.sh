#!/usr/bin/env bash
# numpy 2.3.5 on Python below 3.13: numpy.load(mmap_mode="r") closes its file, and yet every array
# holds a file descriptor, as Python's mmap keeps a copy of it. A data set in many memory-mapped
# files ends at the limit of open files (often 1,024), with OSError 24, however little is read.
# Seen: 100 mapped arrays, 100 descriptors more; with a limit of 64, OSError 24 after 58 arrays.
# Linux only (/proc).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check numpy==2.3.5
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import errno
import os
import resource
import sys

import numpy as np

assert np.__version__ == "2.3.5"
if sys.version_info >= (3, 13):
    sys.exit("made for Python below 3.13, whose mmap has no trackfd")
for number in range(100):
    np.save(f"{number}.npy", np.arange(10))


def open_files():
    return len(os.listdir("/proc/self/fd"))


before = open_files()
maps = [np.load(f"{number}.npy", mmap_mode="r") for number in range(100)]
print("descriptors for 100 maps:", open_files() - before)
assert open_files() - before == 100
del maps
assert open_files() == before
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
maps = []
try:
    for number in range(100):
        maps.append(np.load(f"{number}.npy", mmap_mode="r"))
except OSError as error:
    assert error.errno == errno.EMFILE
    print(f"with a limit of 64, after {len(maps)} maps: {error}")
assert 40 < len(maps) < 64
print("as stated: every mapped array holds a descriptor")
PY
