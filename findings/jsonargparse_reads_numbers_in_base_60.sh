#!/usr/bin/env bash
# jsonargparse 4.53.0: options of numbers are read by the rules of YAML 1.1. "1:30" is no error but
# 90 (base 60), also as a float; "010" is 10 as an int and 8 (octal) inside a list of ints. A time
# or a padded code that slips into a number is taken, and the same digits have two values.
# Seen: --fs 1:30 is 90.0, --fold 010 is 10, --folds [010] is [8]; int("1:30") raises in Python.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jsonargparse==4.53.0
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

from jsonargparse import ArgumentParser

assert version("jsonargparse") == "4.53.0"
parser = ArgumentParser()
parser.add_argument("--fs", type=float)
parser.add_argument("--fold", type=int)
parser.add_argument("--folds", type=list[int])


def read(name, text):
    value = parser.parse_args([f"--{name}", text])[name]
    print(f"--{name} {text}: {value!r}")
    return value


assert read("fs", "1:30") == 90.0
assert read("fold", "1:30") == 90
assert read("fold", "010") == 10
assert read("folds", "[010]") == [8]
print("as stated: base 60, and octal in lists only")
PY
