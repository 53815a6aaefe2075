"""``crossbeat cohort show DIR [--page FILE.html]`` and ``crossbeat cohort verify DIR``."""

import json
from pathlib import Path
from typing import Literal

from crossbeat.cli.options import at_least, command, note, parse
from crossbeat.errors import DataError
from crossbeat.files import Json


def run(arguments: list[str]) -> None:
    """Show the contents of a cohort, or compare its files with their checksums."""
    parser = command(
        "cohort",
        "Show the contents of a cohort in tables and on a page, or read all of its files and "
        "compare them with their checksums.",
    )
    parser.add_argument("action", type=Literal["show", "verify"], help="what to do")
    parser.add_argument("folder", type=Path, help="folder of the cohort")
    parser.add_argument("--page", type=Path, default=None, help="HTML file to write")
    parser.add_argument(
        "--examples", type=int, default=4, help="most examples on the page, 0 or more"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed that picks the examples, 0 or more"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parse(parser, arguments)
    at_least(options, examples=0, seed=0)
    from crossbeat.data.cohort import Cohort
    from crossbeat.data.summary import summary

    if options.action == "verify":
        _verify(options.folder, as_json=options.json)
        return
    cohort = Cohort.open(options.folder)
    found = summary(cohort)
    if options.page:
        from crossbeat.files import write_whole
        from crossbeat.report.cohort import cohort_page  # needs the extra plots

        page = cohort_page(cohort, found, examples=options.examples, seed=options.seed)
        write_whole(options.page, page)
        note(f"page: {options.page}")
    if options.json:
        print(json.dumps(found, indent=1))
        return
    _print(found)


def _verify(folder: Path, *, as_json: bool) -> None:
    from crossbeat.data.cohort import INFO_FILE, Cohort
    from crossbeat.data.info import read_info
    from crossbeat.data.verified import damaged

    files = read_info(folder / INFO_FILE).files
    wrong = damaged(folder, files, list(files), again=True)
    if as_json:
        print(json.dumps({"files": len(files) + 1, "damaged": wrong}, indent=1))
    else:
        for name, what in wrong.items():
            print(f"{folder / name}: {what}")
    if wrong:
        raise DataError(
            f"all {len(files) + 1} files of {folder} must be as they were built, got {len(wrong)} "
            "that are not; copy the folder again or rebuild the cohort"
        )
    Cohort.open(folder)
    if not as_json:
        print(f"{folder}: all {len(files) + 1} files are as they were built")


def _print(found: Json) -> None:
    from crossbeat.cli.tables import print_table
    from crossbeat.report.cohort_tables import in_words, tables

    print(f"{found['name']}: {in_words(found)}")
    for table in tables(found):
        print_table(*table)
    for each in found["notes"]:
        print(f"note: {each}")
