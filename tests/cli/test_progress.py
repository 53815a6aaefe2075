"""The line of progress says what is done and how long the rest takes."""

from crossbeat.cli.progress import TimeLeft, one_line


class Clock:
    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def test_time_runs_down_between_steps():
    clock = Clock()
    left = TimeLeft({"a": 120.0, "b": 120.0}, clock)
    assert str(left) == "about 4 min left"
    clock.time += 60
    assert str(left) == "about 3 min left"
    clock.time += 1000
    assert str(left) == "less than 1 min left"


def test_a_slow_machine_is_told_more_time():
    clock = Clock()
    left = TimeLeft({"a": 120.0, "b": 120.0}, clock)
    clock.time += 240
    left.reach("a")
    assert str(left) == "about 4 min left"  # (240 + 20) / (120 + 20) times 120 s


def test_a_share_of_a_step_counts():
    clock = Clock()
    left = TimeLeft({"a": 100.0, "b": 100.0}, clock)
    clock.time += 50
    left.reach("a", 0.5)
    assert str(left) == "about 2 min left"


def test_without_a_terminal_every_text_is_a_line_once(capsys):
    with one_line({"a": 120.0}) as line:
        line.say("Training the X-ray teacher")
        line.say("Training the X-ray teacher")
        line.reach("a")
        line.say("Drawing the report")
    assert capsys.readouterr().err.splitlines() == [
        "Training the X-ray teacher, about 2 min left",
        "Drawing the report, less than 1 min left",
    ]
