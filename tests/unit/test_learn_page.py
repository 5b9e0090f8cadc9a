"""docs/learner.md: its example runs and prints what it says, its tables are right."""

import re

from lutwright.learn import LearnerConfig, views
from lutwright.resources import room

PAGE = (room("hw").parent / "docs" / "learner.md").read_text()


def test_the_examples_print_what_they_say(capsys):
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
    exec(compile(code, "docs/learner.md", "exec"), {})
    said = re.findall(r"^print\(.*\)\s+# (.*)$", code, re.MULTILINE)
    assert capsys.readouterr().out.splitlines() == said and len(said) == 4


def test_the_widths_are_those_of_the_parameters():
    config = LearnerConfig(64, 8, 4, 10)
    told = dict(re.findall(r"^\| (anchor|votes|all) \|.*\| ([\d,]+) \|$", PAGE, re.MULTILINE))
    assert told == {"anchor": f"{config.anchor_bits}", "votes": f"{config.vote_bits}", "all": f"{config.memory_bits:,}"}


def test_the_presets_have_the_versions_of_the_table():
    told = re.findall(r"^\| `(\w+)` \| .* \| (\d+) \|$", PAGE, re.MULTILINE)
    assert told == [(name, str(views(name, (32, 32), (28, 28)).count)) for name, _ in told] and len(told) == 4
