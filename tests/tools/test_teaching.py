"""TEACHING.md: its table has every notebook with the minutes of the README's map, and its commands are there."""

import re

from notebook_gates import broken_links, map_rows

from helpers import ROOT

TEXT = (ROOT / "TEACHING.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| \[\d\d\]\(notebooks/(\w+)\.ipynb\) \| ([\d.]+) \| (\d+) \|", re.MULTILINE)


def test_machine_minutes_are_those_of_the_map():
    measured = map_rows((ROOT / "README.md").read_text(encoding="utf-8"))
    assert {name: float(machine) for name, machine, _ in ROW.findall(TEXT)} == measured


def test_a_day_is_a_day():
    """The notebooks of a day, with one error, leave more than an hour of seven."""
    people = {name[:2]: int(minutes) for name, _, minutes in ROW.findall(TEXT)}
    day = sum(people[number] for number in ("00", "01", "02", "04", "08", "20")) + 20
    assert 300 <= day <= 7 * 60 - 60


def test_its_links_and_commands_are_there():
    assert not broken_links(TEXT, ROOT)
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z-]+)`", TEXT)) <= targets
    for module in re.findall(r"python -m\s+tools\.(\w+)", TEXT):
        assert (ROOT / "tools" / f"{module}.py").exists()
