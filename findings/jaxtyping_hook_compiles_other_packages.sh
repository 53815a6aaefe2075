#!/usr/bin/env bash
# jaxtyping 0.3.11: the import hook looks for the bytecode of whatever is imported while a hooked
# module runs under another name, also for packages that it does not check. Where bytecode may not be
# written (PYTHONDONTWRITEBYTECODE, read-only installs), they are compiled from source in every
# process, and elsewhere stored a second time. Packages that are imported before the first hooked
# module are not. Tests of crossbeat lost 8 of 30 seconds in each process: 3,000 modules of torch,
# Lightning and scipy.
# Seen: modules of "attr" compiled: 0 without the hook, 0 if imported before, 13 under it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --compile jaxtyping==0.3.11 \
  beartype==0.23.1 numpy==2.3.5 attrs==25.4.0
mkdir "$folder/mine"
echo "import attr" > "$folder/mine/__init__.py"
cat > "$folder/count.py" <<'PY'
import sys
from importlib.metadata import version

assert version("jaxtyping") == "0.3.11"
hook, early = (word in sys.argv for word in ("hook", "early"))
if hook:
    from jaxtyping import install_import_hook

    install_import_hook("mine", "beartype.beartype")
compiled = []
sys.addaudithook(
    lambda event, given: compiled.append(str(given[1])) if event == "compile" else None
)
if early:
    import attr
import mine

print(sum("/attr/" in name for name in compiled if name.endswith(".py")))
PY
cd "$folder"
export PYTHONDONTWRITEBYTECODE=1
plain=$(venv/bin/python count.py)
early=$(venv/bin/python count.py hook early)
late=$(venv/bin/python count.py hook)
echo "modules of attr compiled: $plain without the hook, $early if imported before, $late under it"
test "$plain" = 0
test "$early" = 0
test "$late" -gt 5
echo "as stated: what a hooked module imports first is compiled from source"
