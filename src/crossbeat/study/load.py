"""Load studies from their files."""

import importlib.util
import sys
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from crossbeat.errors import ConfigError, UserError, suggestion
from crossbeat.study.grid import Study
from crossbeat.study.search import Search

FOLDER = Path("studies")
"""The folder that holds the study files, below the current directory."""


def study_named(name: str, *, small: bool) -> Study | Search:
    """Load a study from ``studies/NAME.py``, or from the file whose path is ``name``.

    Args:
        small: make the study small, only to check that it runs.
    """
    module = _module(path_of(name))
    make = getattr(module, "study", None)
    if not callable(make):
        raise ConfigError(
            f"{module.__file__} must define study(*, small), got no such function; add it"
        )
    made = make(small=small)
    if not isinstance(made, Study | Search):
        raise ConfigError(
            f"study() of {module.__file__} must return a Study or a Search, got "
            f"{type(made).__name__}; correct the file"
        )
    return made


def path_of(name: str) -> Path:
    """The file of a study."""
    path = Path(name) if name.endswith(".py") else FOLDER / f"{name}.py"
    if path.is_file():
        return path
    known = sorted(
        each.stem
        for each in FOLDER.glob("*.py")
        if "\ndef study(" in each.read_text(encoding="utf-8")
    )
    raise ConfigError(
        f"study must be one of {', '.join(known) or 'none'} in {FOLDER.resolve()}, or the path of "
        f"a .py file, got {name!r}{suggestion(name, known, 'check the path')}"
    )


def _module(path: Path) -> ModuleType:
    name = f"crossbeat_study_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    folder = str(path.parent.resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)  # studies may share modules in their folder
    try:
        spec.loader.exec_module(module)
    except UserError:
        raise
    except Exception as error:
        raise ConfigError(f"{path} must run as Python, got: {_mistake(error, path)}") from error
    return module


def _mistake(error: Exception, path: Path) -> str:
    """What is wrong with a file of the user, and what to do."""
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}; check that file"
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.msg} in line {error.lineno} of {error.filename}; correct it"
    lines = [each.lineno for each in extract_tb(error.__traceback__) if Path(each.filename) == path]
    where = f" in line {lines[-1]}" if lines else ""
    return f"{error}{where}; correct the file, --debug shows where the error arose"
