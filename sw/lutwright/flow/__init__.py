"""Run open FPGA tools as child processes, keep their logs, and read their reports."""
