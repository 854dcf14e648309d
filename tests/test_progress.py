"""What a running solver says, and how it is shown."""

import io

import pytest

import batchgd as bgd
from batchgd import ProgressUpdate
from batchgd.cli.discovery import Discovery
from batchgd.cli.outlet import fit
from batchgd.cli.progress import ProgressPrinter, format_update
from batchgd.engine.progress import Watch
from batchgd.problem.wording import quantity


class Terminal(io.StringIO):
    def isatty(self):
        return True


def update(done=430_000, total=1_000_000, seconds=2.0, minima=4):
    return ProgressUpdate(done, total, seconds, minima)


def test_line_in_full():
    line = format_update(update(seconds=430_000 / 1.2e6))
    assert line == "trajectories 430,000 / 1,000,000 (43 %)  1.20 M/s  about 1 s left  4 minima so far"


@pytest.mark.parametrize(
    ("given", "line"),
    [
        (update(0, 10, 3.0, None), "trajectories 0 / 10 (0 %)"),
        (update(0, 10, 0.0, 0), "trajectories 0 / 10 (0 %)  0 minima so far"),
        (update(10, 10, 5.0, 1), "trajectories 10 / 10 (100 %)  2 /s  1 minimum so far"),
        (update(999, 1000, 1.0, None), "trajectories 999 / 1,000 (99 %)  999 /s  about 1 s left"),
        (update(1, 10**12, 1.0, None), "trajectories 1 / 1,000,000,000,000 (0 %)  1 /s  about 11,574,074 d 1 h left"),
        (update(0, 0, 1.0, None), "trajectories 0 / 0 (100 %)"),
        (
            ProgressUpdate(10, 20, 5.0, distinct=1234),
            "trajectories 10 / 20 (50 %)  2 /s  about 5 s left  1,234 distinct endpoints so far",
        ),
        (ProgressUpdate(9, 9, 5.0, phase="merging", phase_total=1234), "merging 0 / 1,234 points (0 %)"),
        (ProgressUpdate(9, 9, 5.0, phase="measuring", phase_done=2, phase_total=2), "measuring 2 / 2 points (100 %)"),
    ],
)
def test_line_at_the_ends(given, line):
    assert format_update(given) == line


def test_rate_and_remaining():
    assert update(250, 1000, 2.0).rate == 125.0
    assert update(250, 1000, 2.0).remaining == 6.0
    assert update(0, 1000, 2.0).remaining is None
    assert update(5, 1000, 0.0).rate == 0.0


@pytest.mark.parametrize("value", [10.0**k * factor for k in range(-2, 10) for factor in (1, 9.94, 9.96, 9.9996)])
def test_rate_is_short_and_true(value):
    text = quantity(value, "/s")
    number, unit = text.split(" ")
    assert len(number) <= 6
    assert "e" not in number
    scale = {"/s": 1, "k/s": 1e3, "M/s": 1e6, "G/s": 1e9}[unit]
    assert float(number) * scale == pytest.approx(value, rel=0.006)


@pytest.mark.parametrize(("left", "shown"), [(0.001, "1 s"), (59.2, "60 s"), (3599.5, "1 h")])
def test_the_time_left_rounds_up_and_is_never_zero(left, shown):
    assert f"about {shown} left" in format_update(ProgressUpdate(1, 2, left))


def test_a_short_run_shows_nothing():
    for stream in (io.StringIO(), Terminal()):
        with ProgressPrinter(stream) as printer:
            printer(update(seconds=0.5))
            printer(update(seconds=0.99))
        assert stream.getvalue() == ""


def test_terminal_gets_one_line_that_is_cleared():
    stream = Terminal()
    with ProgressPrinter(stream, columns=200) as printer:
        printer(update(seconds=61.0))
        printer(update(done=999_999, seconds=61.5))
    text = stream.getvalue()
    assert "\n" not in text
    long, short, blank, end = text.split("\r")[1:]
    assert long.startswith("trajectories 430,000")
    assert len(short) == len(long)  # the shorter line covers the longer one
    assert blank.strip() == ""
    assert len(blank) == len(short.rstrip())
    assert end == ""


def test_terminal_line_never_wraps():
    stream = Terminal()
    printer = ProgressPrinter(stream, columns=30)
    printer(update())
    assert len(stream.getvalue().lstrip("\r")) == 29


def test_a_file_gets_few_lines():
    stream = io.StringIO()
    with ProgressPrinter(stream) as printer:
        for tick in range(2 * 3600):  # an hour, twice a second
            printer(update(done=100 * tick, seconds=0.5 * tick))
    lines = stream.getvalue().splitlines()
    assert 10 < len(lines) < 70
    assert all(line.startswith("trajectories ") for line in lines)


def test_long_work_reports_at_most_twice_a_second():
    seen = []
    watch = Watch(seen.append).part(70, 70)
    assert all(watch.go_on("polishing", k, 1000) for k in range(1000))
    assert seen == []
    with bgd.testing.forced(interval=0.0):
        watch.go_on("polishing", 10, 1000)
    (told,) = seen
    assert (told.done, told.total, told.phase, told.phase_done, told.phase_total) == (70, 70, "polishing", 10, 1000)


def test_long_runs_show_the_discovery_curve_on_a_terminal():
    """Levels grow with what was found, from the first start to the latest; a run that finds no more is flat."""
    for stream in (Terminal(), io.StringIO()):
        with ProgressPrinter(stream, columns=200) as printer:
            for second in range(1, 41):
                printer(ProgressUpdate(1000 * second, 10**6, float(second), distinct=min(8 * second, 80)))
            last = stream.getvalue().split("\r")[-1]
        if stream.isatty():
            assert last.rstrip() == "4 %  1.00 k/s  about 16 min left  80 distinct endpoints  ▃▅██████████"
            assert not set("▁▂▃▄▅▆▇█") & set(stream.getvalue().split("\r1 %")[0])
        else:
            assert not set("▁▂▃▄▅▆▇█") & set(stream.getvalue())
    many = Discovery()
    for done in range(1, 100_000):
        many.add(done, done)
    assert str(many) == "▁▂▂▃▄▄▅▆▆▇██"
    assert fit(str(many), "ascii") == ".::-==+**%##"
