// SP: a block RAM of Gowin parts, one port, without output register, its reset synchronous or unused.
// Bytes have 8 bits; from two bytes on, the lowest bits of a write address enable them.
// Latency 1.
module SP #(
  parameter READ_MODE = 1'b0,                // 0: no output register
  parameter WRITE_MODE = 2'b00,              // what a write shows at the output: 0 nothing, 1 itself, 2 what was there
  parameter BIT_WIDTH = 32,                  // of a word: 1, 2, 4, 8, 16, 32
  parameter BLK_SEL = 3'b000,                // BLKSEL that selects the block
  parameter RESET_MODE = "SYNC",
  parameter [255:0] INIT_RAM_00 = 256'h0,
  parameter [255:0] INIT_RAM_01 = 256'h0,
  parameter [255:0] INIT_RAM_02 = 256'h0,
  parameter [255:0] INIT_RAM_03 = 256'h0,
  parameter [255:0] INIT_RAM_04 = 256'h0,
  parameter [255:0] INIT_RAM_05 = 256'h0,
  parameter [255:0] INIT_RAM_06 = 256'h0,
  parameter [255:0] INIT_RAM_07 = 256'h0,
  parameter [255:0] INIT_RAM_08 = 256'h0,
  parameter [255:0] INIT_RAM_09 = 256'h0,
  parameter [255:0] INIT_RAM_0A = 256'h0,
  parameter [255:0] INIT_RAM_0B = 256'h0,
  parameter [255:0] INIT_RAM_0C = 256'h0,
  parameter [255:0] INIT_RAM_0D = 256'h0,
  parameter [255:0] INIT_RAM_0E = 256'h0,
  parameter [255:0] INIT_RAM_0F = 256'h0,
  parameter [255:0] INIT_RAM_10 = 256'h0,
  parameter [255:0] INIT_RAM_11 = 256'h0,
  parameter [255:0] INIT_RAM_12 = 256'h0,
  parameter [255:0] INIT_RAM_13 = 256'h0,
  parameter [255:0] INIT_RAM_14 = 256'h0,
  parameter [255:0] INIT_RAM_15 = 256'h0,
  parameter [255:0] INIT_RAM_16 = 256'h0,
  parameter [255:0] INIT_RAM_17 = 256'h0,
  parameter [255:0] INIT_RAM_18 = 256'h0,
  parameter [255:0] INIT_RAM_19 = 256'h0,
  parameter [255:0] INIT_RAM_1A = 256'h0,
  parameter [255:0] INIT_RAM_1B = 256'h0,
  parameter [255:0] INIT_RAM_1C = 256'h0,
  parameter [255:0] INIT_RAM_1D = 256'h0,
  parameter [255:0] INIT_RAM_1E = 256'h0,
  parameter [255:0] INIT_RAM_1F = 256'h0,
  parameter [255:0] INIT_RAM_20 = 256'h0,
  parameter [255:0] INIT_RAM_21 = 256'h0,
  parameter [255:0] INIT_RAM_22 = 256'h0,
  parameter [255:0] INIT_RAM_23 = 256'h0,
  parameter [255:0] INIT_RAM_24 = 256'h0,
  parameter [255:0] INIT_RAM_25 = 256'h0,
  parameter [255:0] INIT_RAM_26 = 256'h0,
  parameter [255:0] INIT_RAM_27 = 256'h0,
  parameter [255:0] INIT_RAM_28 = 256'h0,
  parameter [255:0] INIT_RAM_29 = 256'h0,
  parameter [255:0] INIT_RAM_2A = 256'h0,
  parameter [255:0] INIT_RAM_2B = 256'h0,
  parameter [255:0] INIT_RAM_2C = 256'h0,
  parameter [255:0] INIT_RAM_2D = 256'h0,
  parameter [255:0] INIT_RAM_2E = 256'h0,
  parameter [255:0] INIT_RAM_2F = 256'h0,
  parameter [255:0] INIT_RAM_30 = 256'h0,
  parameter [255:0] INIT_RAM_31 = 256'h0,
  parameter [255:0] INIT_RAM_32 = 256'h0,
  parameter [255:0] INIT_RAM_33 = 256'h0,
  parameter [255:0] INIT_RAM_34 = 256'h0,
  parameter [255:0] INIT_RAM_35 = 256'h0,
  parameter [255:0] INIT_RAM_36 = 256'h0,
  parameter [255:0] INIT_RAM_37 = 256'h0,
  parameter [255:0] INIT_RAM_38 = 256'h0,
  parameter [255:0] INIT_RAM_39 = 256'h0,
  parameter [255:0] INIT_RAM_3A = 256'h0,
  parameter [255:0] INIT_RAM_3B = 256'h0,
  parameter [255:0] INIT_RAM_3C = 256'h0,
  parameter [255:0] INIT_RAM_3D = 256'h0,
  parameter [255:0] INIT_RAM_3E = 256'h0,
  parameter [255:0] INIT_RAM_3F = 256'h0
) (
  output [31:0] DO,
  input  [31:0] DI,
  input  [2:0]  BLKSEL,
  input  [13:0] AD,
  input         WRE, CLK, CE, OCE, RESET
);
  function [287:0] units(input [255:0] init);
    integer i;
    for (i = 0; i < 32; i = i + 1) units[i*9+:9] = {1'b0, init[i*8+:8]};
  endfunction

  function integer nine(input integer bits);
    nine = bits < 8 ? bits : bits / 8 * 9;
  endfunction

  wire [35:0] read;
  assign DO = {read[34:27], read[25:18], read[16:9], read[7:0]};

  block_ram_18k #(
    .WIDTH_A(nine(BIT_WIDTH)), .WIDTH_B(nine(BIT_WIDTH)), .MODE_A(WRITE_MODE),
    .INIT({
      units(INIT_RAM_3F), units(INIT_RAM_3E), units(INIT_RAM_3D), units(INIT_RAM_3C),
      units(INIT_RAM_3B), units(INIT_RAM_3A), units(INIT_RAM_39), units(INIT_RAM_38),
      units(INIT_RAM_37), units(INIT_RAM_36), units(INIT_RAM_35), units(INIT_RAM_34),
      units(INIT_RAM_33), units(INIT_RAM_32), units(INIT_RAM_31), units(INIT_RAM_30),
      units(INIT_RAM_2F), units(INIT_RAM_2E), units(INIT_RAM_2D), units(INIT_RAM_2C),
      units(INIT_RAM_2B), units(INIT_RAM_2A), units(INIT_RAM_29), units(INIT_RAM_28),
      units(INIT_RAM_27), units(INIT_RAM_26), units(INIT_RAM_25), units(INIT_RAM_24),
      units(INIT_RAM_23), units(INIT_RAM_22), units(INIT_RAM_21), units(INIT_RAM_20),
      units(INIT_RAM_1F), units(INIT_RAM_1E), units(INIT_RAM_1D), units(INIT_RAM_1C),
      units(INIT_RAM_1B), units(INIT_RAM_1A), units(INIT_RAM_19), units(INIT_RAM_18),
      units(INIT_RAM_17), units(INIT_RAM_16), units(INIT_RAM_15), units(INIT_RAM_14),
      units(INIT_RAM_13), units(INIT_RAM_12), units(INIT_RAM_11), units(INIT_RAM_10),
      units(INIT_RAM_0F), units(INIT_RAM_0E), units(INIT_RAM_0D), units(INIT_RAM_0C),
      units(INIT_RAM_0B), units(INIT_RAM_0A), units(INIT_RAM_09), units(INIT_RAM_08),
      units(INIT_RAM_07), units(INIT_RAM_06), units(INIT_RAM_05), units(INIT_RAM_04),
      units(INIT_RAM_03), units(INIT_RAM_02), units(INIT_RAM_01), units(INIT_RAM_00)})
  ) ram (
    .clk_a(CLK), .ce_a(CE && BLKSEL == BLK_SEL), .we_a(WRE), .rst_a(RESET), .be_a(AD[3:0]), .addr_a(AD), .di_a({1'b0, DI[31:24], 1'b0, DI[23:16], 1'b0, DI[15:8], 1'b0, DI[7:0]}),
    .do_a(read), .clk_b(1'b0), .ce_b(1'b0), .we_b(1'b0), .rst_b(1'b0), .be_b(4'b0), .addr_b(14'b0), .di_b(36'b0), .do_b(other));

  wire [35:0] other;
  wire unused = &{1'b0, OCE, other, read[35], read[26], read[17], read[8]};
  initial if (READ_MODE != 0) $fatal(1, "%m: a block RAM that is not modelled");
  always @* if (RESET_MODE != "SYNC" && RESET) $fatal(1, "%m: a reset that is not modelled");
endmodule
