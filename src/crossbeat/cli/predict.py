"""``crossbeat predict RUN FILE...``."""

import json
from pathlib import Path
from typing import Any

from crossbeat.cli.options import command, note, parse
from crossbeat.errors import DataError, UserError
from crossbeat.quality import Length
from crossbeat.readers import Layout


def run(arguments: list[str]) -> None:
    """Answer for ECG files; those that cannot be read are named, the others answered."""
    parser = command("predict", "Probabilities of findings for ECG files.")
    parser.add_argument("run", type=Path, help="folder of a finished run or of a saved model")
    parser.add_argument("files", type=Path, nargs="+", help="ECG files, of WFDB any or the stem")
    parser.add_argument("--json", action="store_true", help="as JSON, one object per file")
    parser.add_argument("--layout", type=Layout | None, default=None, help="of CSV and NumPy files")
    parser.add_class_arguments(Length, "length", as_group=True)
    options = parse(parser, arguments)
    from crossbeat.deploy import Predictor

    predictor = Predictor.open(options.run)
    answers: list[dict[str, Any]] = []
    for file in options.files:
        try:
            found = predictor.predict_file(file, layout=options.layout, length=options.length)
            answers.append({"file": str(file), "findings": [vars(answer) for answer in found]})
        except UserError as error:
            answers.append({"file": str(file), "error": str(error)})
    _show(answers, as_json=options.json)
    failed = sum("error" in answer for answer in answers)
    if failed:
        raise DataError(f"{failed} of {len(answers)} files gave no answer; see above")


def _show(answers: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(answers, indent=1))
        return
    from crossbeat.cli.tables import print_table

    rows = [
        [
            answer["file"] if number == 0 else "",
            finding["finding"],
            f"{100 * finding['probability']:.0f} %",
            f"{100 * finding['threshold']:.0f} %",
            "yes" if finding["positive"] else "no",
        ]
        for answer in answers
        for number, finding in enumerate(answer.get("findings", []))
    ]
    if rows:
        print_table("", ["file", "finding", "probability", "threshold", "reached"], rows)
    for answer in answers:
        if "error" in answer:
            note(f"no answer: {answer['error']}")
