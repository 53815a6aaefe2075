"""``crossbeat simulate [--layout cohort|mimic] --out DIR``: write virtual patients."""

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Literal

from crossbeat.cli.options import command, note, parse
from crossbeat.errors import ConfigError, suggestion

_LAYOUTS = ("cohort", "mimic")


def run(arguments: list[str]) -> None:
    """Write virtual patients as a cohort or as files in MIMIC's layout."""
    layout = _layout(arguments)
    settings = _settings(layout)
    parser = command(
        "simulate",
        "Write virtual patients with ECGs and chest X-rays as a cohort. With --layout mimic, write "
        "files like the published ones of MIMIC-IV-ECG, MIMIC-CXR-JPG, MIMIC-IV-ED and MIMIC-IV.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument(
        "--layout",
        type=Literal["cohort", "mimic"],
        default=layout,
        help="what to write; give it on the command line, since the other options depend on it",
    )
    parser.add_class_arguments(settings)
    options = parse(parser, arguments, {"faults": "Faults"})
    if options.layout != layout:
        raise ConfigError(
            f"layout must be given on the command line, got {options.layout} in a file; write "
            f"crossbeat simulate --layout {options.layout}"
        )
    given = settings(**{field.name: options[field.name] for field in fields(settings)})
    if layout == "mimic":
        from crossbeat.cli.progress import bar

        with bar(f"writing {options.out.name}") as show:
            given.write(options.out, progress=show)
    else:
        from crossbeat.cli.prepare import built

        built(given, options.out)
    note(f"{given.num_patients} patients: {options.out}")


def _layout(arguments: list[str]) -> str:
    words = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    words.add_argument("--layout", default="cohort")
    try:
        layout = words.parse_known_args(arguments)[0].layout
    except argparse.ArgumentError:
        layout = ""
    if layout not in _LAYOUTS:
        raise ConfigError(
            f"--layout must be one of {', '.join(_LAYOUTS)}, got {layout!r}"
            f"{suggestion(layout, _LAYOUTS, 'crossbeat simulate --help lists the options')}"
        )
    return layout


def _settings(layout: str) -> type:
    if layout == "mimic":
        from crossbeat.simulate.hospital import VirtualMimic

        return VirtualMimic
    from crossbeat.data.sources.virtual import Virtual

    return Virtual


def write_example(folder: Path, *, seed: int = 2_000_003) -> Path:
    """Write the 12-lead WFDB record of a virtual patient who is in no cohort; return its header.

    Args:
        folder: made if it does not exist.
        seed: of the patient.
    """
    from crossbeat import simulate
    from crossbeat.leads import STANDARD
    from crossbeat.readers.ecg.wfdb import write_wfdb
    from crossbeat.signal import Ecg

    folder.mkdir(parents=True, exist_ok=True)
    values = simulate.ecgs(simulate.draw_patients(1, seed), seed)[0]
    return write_wfdb(Ecg(values, STANDARD, float(simulate.FS)), folder / "patient")
