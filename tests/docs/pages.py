"""The pages of the documentation, cut into what tests can run and check.

An HTML comment on the line before a fenced block says what becomes of it:

- ``<!-- test -->``: run it; ``<!-- test exit 2 -->``: it ends with that code;
- ``<!-- file NAME -->``: write it to that file, for what is run after it;
- ``<!-- output -->``: the block before it that was run printed these lines, numbers aside.

Blocks without a comment are not run; commands in them must be such that crossbeat accepts them.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>.+?) -->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_MASKS = (
    (r"[─━┏┳┓┡╇┩│┃└┴┘\s]+", " "),
    (r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?", "#"),
    (r"# \(# to #\)|not defined|null", "#"),
    (r"\b(yes|no|true|false)\b", "?"),
)


@dataclass(frozen=True)
class Block:
    """A fenced block and the comment before it."""

    place: str
    mark: str
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            place=f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, found.start()) + 1}",
            mark=found["mark"] or "",
            language=found["language"],
            text=found["text"],
        )
        for found in _BLOCK.finditer(text)
    ]


def commands(block: Block) -> list[list[str]]:
    """The words of each command of a shell block, without comments, pipes and redirections."""
    lines = block.text.replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    return [line[: _end(line)] for line in words if line]


def _end(words: list[str]) -> int:
    return next((at for at, word in enumerate(words) if word in ("|", ">", "&&")), len(words))


def masked(text: str) -> list[str]:
    """The lines that say something, without what differs from machine to machine."""
    lines = text.splitlines()
    for pattern, instead in _MASKS:
        lines = [re.sub(pattern, instead, line).strip() for line in lines]
    return [line for line in lines if line]
