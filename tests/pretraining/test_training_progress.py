import io

import pytest

from trajectories.pretraining.progress import LINES, progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def show(steps: int) -> None:
    with progress("opt-tiny", steps=steps, tokens_per_step=4096) as report:
        for step in range(1, steps + 1):
            report(step, 5.4321)


def test_without_a_terminal_there_are_ten_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    show(704)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == LINES
    assert lines[-1].startswith("opt-tiny: step 704 of 704, loss 5.432, ")
    assert lines[-1].endswith("tokens/s, 0 s left")


def test_a_run_shorter_than_ten_steps_shows_each(capsys: pytest.CaptureFixture[str]) -> None:
    show(3)
    assert len(capsys.readouterr().err.splitlines()) == 3


def test_on_a_terminal_a_bar_shows_loss_and_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    show(10)
    last = terminal.getvalue().split("\r")[-1]
    assert "opt-tiny: 100%" in last
    assert "41.0k/41.0k" in last
    assert "tokens/s" in last
    assert "loss=5.432" in last
