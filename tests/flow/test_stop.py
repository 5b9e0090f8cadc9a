"""Ctrl-C in the main thread ends the tools that other threads wait for."""

import threading
import time

import pytest

from lutwright.errors import ToolFailed
from lutwright.flow import tools


def test_stop_running_kills_what_a_thread_waits_for(tmp_path, monkeypatch):
    monkeypatch.setattr(tools, "command", lambda tool: ["sleep"])
    seen = []

    def work():
        with pytest.raises(ToolFailed) as error:
            tools.run_tool(tools.GOWIN_PACK, ["60"], tmp_path, tmp_path / "log")
        seen.append(str(error.value))

    thread = threading.Thread(target=work)
    begin = time.monotonic()
    thread.start()
    while not tools._RUNNING and time.monotonic() < begin + 10:
        time.sleep(0.01)
    tools.stop_running()
    thread.join(20)
    assert seen and time.monotonic() < begin + 20
    assert not tools._RUNNING
