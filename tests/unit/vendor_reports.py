"""Reports as Vivado and Quartus write them: their tables, cut to what is around the rows that are read."""

# report_utilization of Vivado 2021.2 for a 7-series part; older versions have no column Prohibited.
SERIES7 = """\
Copyright 1986-2021 Xilinx, Inc. All Rights Reserved.
---------------------------------------------------------------------------------------------------------
| Tool Version : Vivado v.2021.2 (lin64) Build 3367213 Tue Oct 19 02:47:39 MDT 2021
| Command      : report_utilization -file reports/utilization.rpt
| Design       : board_top
| Device       : xc7a35ticsg324-1L
| Speed File   : -1L
| Design State : Routed
---------------------------------------------------------------------------------------------------------

Utilization Design Information

1. Slice Logic
--------------

+----------------------------+------+-------+------------+-----------+-------+
|          Site Type         | Used | Fixed | Prohibited | Available | Util% |
+----------------------------+------+-------+------------+-----------+-------+
| Slice LUTs                 | 2987 |     0 |          0 |     20800 | 14.36 |
|   LUT as Logic             | 2655 |     0 |          0 |     20800 | 12.76 |
|   LUT as Memory            |  332 |     0 |          0 |      9600 |  3.46 |
|     LUT as Distributed RAM |  320 |     0 |            |           |       |
|     LUT as Shift Register  |   12 |     0 |            |           |       |
| Slice Registers            | 3702 |     0 |          0 |     41600 |  8.90 |
|   Register as Flip Flop    | 3702 |     0 |          0 |     41600 |  8.90 |
|   Register as Latch        |    0 |     0 |          0 |     41600 |  0.00 |
| F7 Muxes                   |    8 |     0 |          0 |     16300 |  0.05 |
| F8 Muxes                   |    0 |     0 |          0 |      8150 |  0.00 |
+----------------------------+------+-------+------------+-----------+-------+

3. Memory
---------

+-------------------+------+-------+------------+-----------+-------+
|     Site Type     | Used | Fixed | Prohibited | Available | Util% |
+-------------------+------+-------+------------+-----------+-------+
| Block RAM Tile    |  1.5 |     0 |          0 |        50 |  3.00 |
|   RAMB36/FIFO*    |    1 |     0 |          0 |        50 |  2.00 |
|     RAMB36E1 only |    1 |       |            |           |       |
|   RAMB18          |    1 |     0 |          0 |       100 |  1.00 |
|     RAMB18E1 only |    1 |       |            |           |       |
+-------------------+------+-------+------------+-----------+-------+
* Note: Each Block RAM Tile only has one FIFO logic available and therefore can accommodate only one FIFO36E1 or one
FIFO18E1.

4. DSP
------

+----------------+------+-------+------------+-----------+-------+
|    Site Type   | Used | Fixed | Prohibited | Available | Util% |
+----------------+------+-------+------------+-----------+-------+
| DSPs           |    4 |     0 |          0 |        90 |  4.44 |
|   DSP48E1 only |    4 |       |            |           |       |
+----------------+------+-------+------------+-----------+-------+
"""

# Of Vivado 2018.2 and for UltraScale+; the star marks a count before the design was optimised.
ULTRASCALE = """\
1. CLB Logic
------------

+----------------------------+-------+-------+-----------+-------+
|          Site Type         |  Used | Fixed | Available | Util% |
+----------------------------+-------+-------+-----------+-------+
| CLB LUTs*                  |  5365 |     0 |    117120 |  4.58 |
|   LUT as Logic             |  4591 |     0 |    117120 |  3.92 |
| CLB Registers              |  6171 |     0 |    234240 |  2.63 |
| CARRY8                     |   353 |     0 |     14640 |  2.41 |
| F9 Muxes                   |     0 |     0 |     14640 | <0.01 |
+----------------------------+-------+-------+-----------+-------+

+-------------------+------+-------+-----------+-------+
|     Site Type     | Used | Fixed | Available | Util% |
+-------------------+------+-------+-----------+-------+
| Block RAM Tile    |   16 |     0 |       144 | 11.11 |
| URAM              |    0 |     0 |        64 |  0.00 |
+-------------------+------+-------+-----------+-------+

+-----------+------+-------+-----------+-------+
| Site Type | Used | Fixed | Available | Util% |
+-----------+------+-------+-----------+-------+
| DSPs      |    0 |     0 |      1248 |  0.00 |
+-----------+------+-------+-----------+-------+
"""

_RULE = "-" * 96
_COLUMNS = (
    "WNS(ns)      TNS(ns)  TNS Failing Endpoints  TNS Total Endpoints      WHS(ns)      THS(ns)  "
    "THS Failing Endpoints  THS Total Endpoints     WPWS(ns)     TPWS(ns)  TPWS Failing Endpoints  TPWS Total Endpoints"
)


def timing(slack, clocks):
    """report_timing_summary of a design with that worst slack; clocks: lines of its table of clocks."""
    numbers = f"{slack:.3f}        0.000                      0                 8696        0.057        0.000"
    return f"""\
Timing Summary Report

{_RULE}
| Timer Settings
| --------------
{_RULE}

  Enable Multi Corner Analysis               :  Yes

check_timing report

1. checking no_clock (0)
------------------------
 There are 0 register/latch pins with no clock.

{_RULE}
| Design Timing Summary
| ---------------------
{_RULE}

    {_COLUMNS}
    -------      -------  ---------------------  -------------------      -------      -------  ---------------------
      {numbers}                      0                 8696        2.225        0.000                       0

All user specified timing constraints are met.


{_RULE}
| Clock Summary
| -------------
{_RULE}

Clock       Waveform(ns)         Period(ns)      Frequency(MHz)
-----       ------------         ----------      --------------
{clocks}


{_RULE}
| Intra Clock Table
| -----------------
{_RULE}

Clock             {_COLUMNS}
-----             -------      -------  ---------------------  -------------------      -------      -------
clk                 0.100        0.000                      0                 8696        0.057        0.000
"""


ONE_CLOCK = "clk         {0.000 5.000}        10.000          100.000         "
TWO_CLOCKS = """\
board_top_i/ps/inst/clk_fpga_1  {0.000 2.500}        5.000           200.000
clk_fpga_0                      {0.000 5.000}        10.001          99.990          """

# The summary of Quartus' fitter.
FITTER = """\
Fitter Status : Successful - Sat Jan 12 11:51:18 2019
Quartus Prime Version : 18.1.0 Build 625 09/12/2018 SJ Lite Edition
Revision Name : board_top
Top-level Entity Name : board_top
Family : Cyclone V
Device : 5CSEBA6U23I7
Timing Models : Final
Logic utilization (in ALMs) : 2,012 / 41,910 ( 5 % )
Total registers : 4011
Total pins : 5 / 314 ( 2 % )
Total virtual pins : 0
Total block memory bits : 22,560 / 5,662,720 ( < 1 % )
Total RAM Blocks : 3 / 553 ( < 1 % )
Total DSP Blocks : 0 / 112 ( 0 % )
Total PLLs : 0 / 6 ( 0 % )
"""

# The report of its timing analyser; the contents name the tables as well.
ANALYSER = """\
TimeQuest Timing Analyzer report for board_top

---------------------
; Table of Contents ;
---------------------
  8. Slow 1100mV 100C Model Fmax Summary
 20. Slow 1100mV -40C Model Fmax Summary

+--------------------------------------------------------------------------------------------------+
; Clocks                                                                                           ;
+------------+------+--------+-----------+-------+-------+------------+-----------+-------------+
; Clock Name ; Type ; Period ; Frequency ; Rise  ; Fall  ; Duty Cycle ; Divide by ; Multiply by ;
+------------+------+--------+-----------+-------+-------+------------+-----------+-------------+
; clk        ; Base ; 20.000 ; 50.0 MHz  ; 0.000 ; 10.000;            ;           ;             ;
+------------+------+--------+-----------+-------+-------+------------+-----------+-------------+

+------------------------------------------------------------------------------------------------+
; Slow 1100mV 100C Model Fmax Summary                                                            ;
+------------+-----------------+------------+----------------------------------------------------+
; Fmax       ; Restricted Fmax ; Clock Name ; Note                                               ;
+------------+-----------------+------------+----------------------------------------------------+
; 129.63 MHz ; 100.02 MHz      ; clk        ; limit due to minimum period restriction (tmin)     ;
+------------+-----------------+------------+----------------------------------------------------+
This panel reports FMAX for every clock in the design, regardless of the user-specified clock periods.

+-------------------------------------------------+
; Slow 1100mV -40C Model Fmax Summary             ;
+-----------+-----------------+------------+------+
; Fmax      ; Restricted Fmax ; Clock Name ; Note ;
+-----------+-----------------+------------+------+
; 97.85 MHz ; 97.85 MHz       ; clk        ;      ;
+-----------+-----------------+------------+------+
"""
