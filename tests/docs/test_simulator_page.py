"""The simulator's page says what the simulator's table says."""

import subprocess
import sys
from pathlib import Path

from sendrail.carriers.simulator.carrier import SimulatorSettings
from sendrail.carriers.simulator.numbers import table

PAGE = Path(__file__).parents[2] / "docs" / "simulator.md"
REFRESH = "python -m sendrail.carriers.simulator.numbers"


def test_the_table_of_magic_numbers_is_the_generated_one():
    _, _, rest = PAGE.read_text("utf-8").partition("<!-- magic:begin -->\n")
    written, end, _ = rest.partition("<!-- magic:end -->")
    assert end, "the markers are gone"
    assert written.strip() == table(), f"paste the output of `{REFRESH}` between the markers"


def test_the_command_prints_the_table():
    command = [sys.executable, *REFRESH.split()[1:]]
    printed = subprocess.run(command, capture_output=True, check=True, encoding="utf-8").stdout
    assert printed.strip() == table()


def test_every_setting_is_explained():
    page = PAGE.read_text("utf-8")
    for name in SimulatorSettings.__struct_fields__:
        assert f"| `{name}` |" in page
