"""``crossbeat predict RUN FILE...``: predict from ECG files."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from crossbeat.cli.options import add_checksum, command, note, parse
from crossbeat.errors import DataError, UserError
from crossbeat.quality import Allow, Length
from crossbeat.readers import Layout


def run(arguments: list[str]) -> None:
    """Predict from ECG files; report the files that cannot be read and predict from the others."""
    parser = command("predict", "Predict findings or cardiac measurements from ECG files.")
    parser.add_argument("run", type=Path, help="folder of a finished run or of a saved model")
    parser.add_argument(
        "files", type=Path, nargs="+", help="ECG files; a WFDB record by any file or its stem"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, one object per file")
    parser.add_argument(
        "--layout", type=Layout | None, default=None, help="how to read CSV and NumPy files"
    )
    parser.add_class_arguments(Length, "length", as_group=True)
    add_checksum(parser)
    parser.add_class_arguments(Allow, "allow", as_group=True)
    options = parse(parser, arguments)
    from crossbeat.deploy import HeartPredictor, Predictor, is_of_hearts

    hearts = is_of_hearts(options.run)
    predictor: Any = (HeartPredictor if hearts else Predictor).open(options.run)
    key = "measurements" if hearts else "findings"
    answers: list[dict[str, Any]] = []
    for file in options.files:
        try:
            found = predictor.predict_file(
                file,
                layout=options.layout,
                length=options.length,
                allow=options.allow,
                checksum=options.checksum,
            )
            answers.append({"file": str(file), key: [vars(answer) for answer in found]})
        except UserError as error:
            answers.append({"file": str(file), "error": str(error)})
    if len(answers) == 1 and "error" in answers[0] and not options.json:
        raise DataError(answers[0]["error"])
    _show(answers, as_json=options.json)
    failed = sum("error" in answer for answer in answers)
    if failed:
        raise DataError(f"{failed} of {len(answers)} files gave no answer; see above")


def _show(answers: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(answers, indent=1))
        return
    from crossbeat.cli.tables import print_table

    for key, (header, cells) in _TABLES.items():
        rows = [
            [answer["file"] if number == 0 else "", *cells(told)]
            for answer in answers
            for number, told in enumerate(answer.get(key, []))
        ]
        if rows:
            print_table("", ["file", *header], rows)
    for answer in answers:
        if "error" in answer:
            note(f"no answer: {answer['error']}")


def _finding(told: Mapping[str, Any]) -> list[str]:
    shares = [f"{100 * told[key]:.0f} %" for key in ("probability", "threshold")]
    return [told["finding"], *shares, "yes" if told["positive"] else "no"]


def _measure(told: Mapping[str, Any]) -> list[str]:
    values = [f"{told[key]:.0f} {told['unit']}" for key in ("value", "error")]
    return [told["measurement"], values[0], f"± {values[1]}"]


_TABLES: dict[str, tuple[list[str], Callable[[Mapping[str, Any]], list[str]]]] = {
    "findings": (["finding", "probability", "threshold", "reached"], _finding),
    "measurements": (["measurement", "estimate", "validation error"], _measure),
}
