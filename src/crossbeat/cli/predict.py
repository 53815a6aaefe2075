"""``crossbeat predict RUN FILE...``: predict from ECG files."""

import json
from pathlib import Path

from crossbeat.cli.options import add_checksum, command, note, parse
from crossbeat.errors import DataError, UserError
from crossbeat.files import Json, ReadJson
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
    from crossbeat.deploy import Predictor

    predictor = Predictor.open(options.run)
    answers: list[Json] = []
    for file in options.files:
        try:
            found = predictor.predict_file(
                file,
                layout=options.layout,
                length=options.length,
                allow=options.allow,
                checksum=options.checksum,
            )
            answers.append({"file": str(file), "answers": [vars(answer) for answer in found]})
        except UserError as error:
            answers.append({"file": str(file), "error": str(error)})
    if len(answers) == 1 and "error" in answers[0] and not options.json:
        raise DataError(answers[0]["error"])
    _show(answers, as_json=options.json)
    failed = sum("error" in answer for answer in answers)
    if failed:
        raise DataError(f"{failed} of {len(answers)} files gave no answer; see above")


def _show(answers: list[Json], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(answers, indent=1))
        return
    from crossbeat.cli.tables import print_table

    rows = [
        [answer["file"] if number == 0 else "", *_told(each)]
        for answer in answers
        for number, each in enumerate(answer.get("answers", []))
    ]
    if rows:
        print_table("", ["file", "target", "answer", "threshold", "reached"], rows)
    for answer in answers:
        if "error" in answer:
            note(f"no answer: {answer['error']}")


def _told(answer: ReadJson) -> list[str]:
    from crossbeat.targets import Answer

    words, threshold = Answer(**answer).words, answer["threshold"]
    if threshold is None:
        return [answer["target"], words, "", ""]
    return [
        answer["target"],
        words,
        f"{100 * threshold:.0f} %",
        "yes" if answer["positive"] else "no",
    ]
