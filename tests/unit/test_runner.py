"""What a simulator's log says, in one line."""

from lutwright.simulate.runner import _failure, tail


def test_errors_come_before_the_end_of_the_log_and_long_lines_are_cut(tmp_path):
    log = tmp_path / "compile.log"
    log.write_text("%Warning: old\n%Error: top.sv:3: 70000'h" + "5" * 9000 + "\nmake: stopped\n" + "x" * 9000 + "\n")
    assert _failure(log).startswith("%Error: top.sv:3: 70000'h555") and len(_failure(log)) == 300
    log.write_text("first\n" * 20 + "x" * 9000 + "\n")
    assert tail(log, 2) == "first | " + "x" * 300
    assert _failure(tmp_path / "none.log") == "no log was written"
