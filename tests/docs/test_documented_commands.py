"""What the pages tell to type runs, or is at least accepted; what they say it prints, it prints."""

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
from pages import PAGES, ROOT, Block, blocks, commands, masked

from crossbeat.cli import main
from crossbeat.cli.options import parse

TESTED = [page for page in PAGES if any(block.mark.startswith("test") for block in blocks(page))]
SHELL = [block for page in PAGES for block in blocks(page) if block.language == "bash"]
NAMES = {page: str(page.relative_to(ROOT)) for page in PAGES}


@pytest.mark.parametrize("page", TESTED, ids=NAMES.get)
def test_what_a_page_shows_runs_from_its_first_block_to_its_last(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.cpu_count", lambda: 1)  # no processes, which take seconds to start
    names: dict[str, Any] = {"__name__": "page"}
    printed: list[str] = []
    for block in blocks(page):
        mark, _, rest = block.mark.partition(" ")
        if mark == "file":
            Path(rest).write_text(block.text, encoding="utf-8")
        elif mark == "test":
            run(block, rest, names)
            shown = capsys.readouterr()
            printed = masked(shown.out + "\n" + shown.err)
        elif mark == "output":
            absent = [line for line in masked(block.text) if line not in (*printed, "...")]
            assert not absent, f"{block.place} was not printed; got {printed}"
        else:
            assert not mark, f"{block.place}: nothing is known of the comment {block.mark!r}"


def run(block: Block, expected: str, names: dict[str, Any]) -> None:
    if block.language == "python":
        exec(compile(block.text, block.place, "exec"), names)
        return
    assert block.language == "bash", f"{block.place}: only bash and python can be run"
    code = int(expected.removeprefix("exit ") or 0)
    for words in commands(block):
        assert words[0] == "crossbeat", f"{block.place}: {words[0]} is not run by tests"
        assert main(words[1:]) == code, f"{block.place}: {' '.join(words)}"


@pytest.mark.parametrize("block", SHELL, ids=lambda block: block.place)
def test_every_command_of_the_pages_is_one_that_is_accepted(
    block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in commands(block):
        check = {"crossbeat": accepted, "make": is_a_target, "python": is_a_script}.get(words[0])
        if check is not None and "exit" not in block.mark:
            check(words[1:], monkeypatch)


def accepted(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    if arguments[0] in ("--help", "--version"):
        assert main(arguments) == 0
        return
    command = importlib.import_module(f"crossbeat.cli.{arguments[0]}")
    monkeypatch.setattr(command, "parse", stop_after_parsing)
    configured = [at for at, word in enumerate(arguments) if word == "--config"]
    for at in reversed(configured):  # the file is the reader's own
        arguments = arguments[:at] + arguments[at + 2 :]
    with pytest.raises(SystemExit) as end:
        command.run(arguments[1:])
    assert not end.value.code, arguments


def stop_after_parsing(parser: Any, arguments: list[str], *more: Any) -> None:
    if not any(option in arguments for option in ("--cohort", "--out")) and "train" in parser.prog:
        arguments = [*arguments, "--cohort", "c", "--out", "o"]  # stand in the file left out
    parse(parser, arguments, *more)
    raise SystemExit(0)


def is_a_target(arguments: list[str], _: pytest.MonkeyPatch) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^{re.escape(arguments[0])}:", makefile, re.MULTILINE), arguments


def is_a_script(arguments: list[str], _: pytest.MonkeyPatch) -> None:
    assert (ROOT / arguments[0]).is_file(), arguments
