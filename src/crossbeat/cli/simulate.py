"""``crossbeat simulate --out DIR``."""

from pathlib import Path

from crossbeat.cli.options import command, note, parse


def run(arguments: list[str]) -> None:
    """Write a cohort of virtual patients."""
    from crossbeat.data.virtual import Virtual

    parser = command("simulate", "Write a cohort of virtual patients with ECGs and chest X-rays.")
    parser.add_argument("--out", type=Path, required=True, help="the folder of the cohort")
    parser.add_class_arguments(Virtual)
    options = parse(parser, arguments)
    from crossbeat.cli.cohorts import built

    names = [name for name in vars(Virtual()) if name in options]
    cohort = built(Virtual(**{name: options[name] for name in names}), options.out)
    note(f"{cohort.table.height} patients: {options.out}")
