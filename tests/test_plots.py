"""Pictures that more than one lesson draws: what is in them, not how it looks."""

import numpy as np

from helpers import plots


def test_intervals_have_a_row_for_each_label_and_a_bar_for_each_group():
    groups = {"one": {"x": (50, 40, 60), "y": (90, 85, 99)}, "two": {"x": (80, 70, 85), "y": (10, 0, 20)}}
    ax = plots.intervals(groups, "right (%)")
    assert [label.get_text() for label in ax.get_yticklabels()] == ["x", "y"]
    drawn = {}
    for container in ax.containers:
        (bars,) = container.lines[2]
        drawn[container.get_label()] = np.array(bars.get_segments())[:, :, 0].tolist()
    assert drawn == {"one": [[40, 60], [85, 99]], "two": [[70, 85], [0, 20]]}
