// DPB: a block RAM of Gowin parts, two ports that read and write, without output register, its reset synchronous or unused.
// Bytes have 8 bits; from two bytes on, the lowest bits of a write address enable them.
// A write to what the other port reads on the same clock spoils what is read; see block_ram_18k. Latency 1.
module DPB #(
  parameter READ_MODE0 = 1'b0,               // 0: no output register
  parameter READ_MODE1 = 1'b0,
  parameter WRITE_MODE0 = 2'b00,             // what a write shows at the output: 0 nothing, 1 itself, 2 what was there
  parameter WRITE_MODE1 = 2'b00,
  parameter BIT_WIDTH_0 = 16,                // of a word at port A: 1, 2, 4, 8, 16
  parameter BIT_WIDTH_1 = 16,                // at port B
  parameter BLK_SEL_0 = 3'b000,              // BLKSELA, BLKSELB that select the block
  parameter BLK_SEL_1 = 3'b000,
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
  input         CLKA, CEA, CLKB, CEB, OCEA, OCEB, RESETA, RESETB, WREA, WREB,
  input  [13:0] ADA, ADB,
  input  [2:0]  BLKSELA, BLKSELB,
  input  [15:0] DIA, DIB,
  output [15:0] DOA, DOB
);
  function [287:0] units(input [255:0] init);
    integer i;
    for (i = 0; i < 32; i = i + 1) units[i*9+:9] = {1'b0, init[i*8+:8]};
  endfunction

  function integer nine(input integer bits);
    nine = bits < 8 ? bits : bits / 8 * 9;
  endfunction

  wire [35:0] read_a, read_b;
  assign DOA = {read_a[16:9], read_a[7:0]};
  assign DOB = {read_b[16:9], read_b[7:0]};

  block_ram_18k #(
    .WIDTH_A(nine(BIT_WIDTH_0)), .WIDTH_B(nine(BIT_WIDTH_1)), .MODE_A(WRITE_MODE0), .MODE_B(WRITE_MODE1),
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
    .clk_a(CLKA), .ce_a(CEA && BLKSELA == BLK_SEL_0), .we_a(WREA), .rst_a(RESETA), .be_a(ADA[3:0]), .addr_a(ADA),
    .di_a({19'b0, DIA[15:8], 1'b0, DIA[7:0]}), .do_a(read_a),
    .clk_b(CLKB), .ce_b(CEB && BLKSELB == BLK_SEL_1), .we_b(WREB), .rst_b(RESETB), .be_b(ADB[3:0]), .addr_b(ADB),
    .di_b({19'b0, DIB[15:8], 1'b0, DIB[7:0]}), .do_b(read_b));

  wire unused = &{1'b0, OCEA, OCEB, read_a, read_b};
  initial if (READ_MODE0 != 0 || READ_MODE1 != 0) $fatal(1, "%m: a block RAM that is not modelled");
  always @* if (RESET_MODE != "SYNC" && (RESETA || RESETB)) $fatal(1, "%m: a reset that is not modelled");
endmodule
