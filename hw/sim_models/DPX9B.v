// DPX9B: a block RAM of Gowin parts, two ports that read and write, without output register, its reset synchronous or unused.
// Bytes have 9 bits; from two bytes on, the lowest bits of a write address enable them.
// A write to what the other port reads on the same clock spoils what is read; see block_ram_18k. Latency 1.
module DPX9B #(
  parameter READ_MODE0 = 1'b0,               // 0: no output register
  parameter READ_MODE1 = 1'b0,
  parameter WRITE_MODE0 = 2'b00,             // what a write shows at the output: 0 nothing, 1 itself, 2 what was there
  parameter WRITE_MODE1 = 2'b00,
  parameter BIT_WIDTH_0 = 18,                // of a word at port A: 9, 18
  parameter BIT_WIDTH_1 = 18,                // at port B
  parameter BLK_SEL_0 = 3'b000,              // BLKSELA, BLKSELB that select the block
  parameter BLK_SEL_1 = 3'b000,
  parameter RESET_MODE = "SYNC",
  parameter [287:0] INIT_RAM_00 = 288'h0,
  parameter [287:0] INIT_RAM_01 = 288'h0,
  parameter [287:0] INIT_RAM_02 = 288'h0,
  parameter [287:0] INIT_RAM_03 = 288'h0,
  parameter [287:0] INIT_RAM_04 = 288'h0,
  parameter [287:0] INIT_RAM_05 = 288'h0,
  parameter [287:0] INIT_RAM_06 = 288'h0,
  parameter [287:0] INIT_RAM_07 = 288'h0,
  parameter [287:0] INIT_RAM_08 = 288'h0,
  parameter [287:0] INIT_RAM_09 = 288'h0,
  parameter [287:0] INIT_RAM_0A = 288'h0,
  parameter [287:0] INIT_RAM_0B = 288'h0,
  parameter [287:0] INIT_RAM_0C = 288'h0,
  parameter [287:0] INIT_RAM_0D = 288'h0,
  parameter [287:0] INIT_RAM_0E = 288'h0,
  parameter [287:0] INIT_RAM_0F = 288'h0,
  parameter [287:0] INIT_RAM_10 = 288'h0,
  parameter [287:0] INIT_RAM_11 = 288'h0,
  parameter [287:0] INIT_RAM_12 = 288'h0,
  parameter [287:0] INIT_RAM_13 = 288'h0,
  parameter [287:0] INIT_RAM_14 = 288'h0,
  parameter [287:0] INIT_RAM_15 = 288'h0,
  parameter [287:0] INIT_RAM_16 = 288'h0,
  parameter [287:0] INIT_RAM_17 = 288'h0,
  parameter [287:0] INIT_RAM_18 = 288'h0,
  parameter [287:0] INIT_RAM_19 = 288'h0,
  parameter [287:0] INIT_RAM_1A = 288'h0,
  parameter [287:0] INIT_RAM_1B = 288'h0,
  parameter [287:0] INIT_RAM_1C = 288'h0,
  parameter [287:0] INIT_RAM_1D = 288'h0,
  parameter [287:0] INIT_RAM_1E = 288'h0,
  parameter [287:0] INIT_RAM_1F = 288'h0,
  parameter [287:0] INIT_RAM_20 = 288'h0,
  parameter [287:0] INIT_RAM_21 = 288'h0,
  parameter [287:0] INIT_RAM_22 = 288'h0,
  parameter [287:0] INIT_RAM_23 = 288'h0,
  parameter [287:0] INIT_RAM_24 = 288'h0,
  parameter [287:0] INIT_RAM_25 = 288'h0,
  parameter [287:0] INIT_RAM_26 = 288'h0,
  parameter [287:0] INIT_RAM_27 = 288'h0,
  parameter [287:0] INIT_RAM_28 = 288'h0,
  parameter [287:0] INIT_RAM_29 = 288'h0,
  parameter [287:0] INIT_RAM_2A = 288'h0,
  parameter [287:0] INIT_RAM_2B = 288'h0,
  parameter [287:0] INIT_RAM_2C = 288'h0,
  parameter [287:0] INIT_RAM_2D = 288'h0,
  parameter [287:0] INIT_RAM_2E = 288'h0,
  parameter [287:0] INIT_RAM_2F = 288'h0,
  parameter [287:0] INIT_RAM_30 = 288'h0,
  parameter [287:0] INIT_RAM_31 = 288'h0,
  parameter [287:0] INIT_RAM_32 = 288'h0,
  parameter [287:0] INIT_RAM_33 = 288'h0,
  parameter [287:0] INIT_RAM_34 = 288'h0,
  parameter [287:0] INIT_RAM_35 = 288'h0,
  parameter [287:0] INIT_RAM_36 = 288'h0,
  parameter [287:0] INIT_RAM_37 = 288'h0,
  parameter [287:0] INIT_RAM_38 = 288'h0,
  parameter [287:0] INIT_RAM_39 = 288'h0,
  parameter [287:0] INIT_RAM_3A = 288'h0,
  parameter [287:0] INIT_RAM_3B = 288'h0,
  parameter [287:0] INIT_RAM_3C = 288'h0,
  parameter [287:0] INIT_RAM_3D = 288'h0,
  parameter [287:0] INIT_RAM_3E = 288'h0,
  parameter [287:0] INIT_RAM_3F = 288'h0
) (
  input         CLKA, CEA, CLKB, CEB, OCEA, OCEB, RESETA, RESETB, WREA, WREB,
  input  [13:0] ADA, ADB,
  input  [2:0]  BLKSELA, BLKSELB,
  input  [17:0] DIA, DIB,
  output [17:0] DOA, DOB
);
  wire [35:0] read_a, read_b;
  assign DOA = read_a[17:0];
  assign DOB = read_b[17:0];

  block_ram_18k #(
    .WIDTH_A(BIT_WIDTH_0), .WIDTH_B(BIT_WIDTH_1), .MODE_A(WRITE_MODE0), .MODE_B(WRITE_MODE1),
    .INIT({
      INIT_RAM_3F, INIT_RAM_3E, INIT_RAM_3D, INIT_RAM_3C, INIT_RAM_3B, INIT_RAM_3A, INIT_RAM_39, INIT_RAM_38,
      INIT_RAM_37, INIT_RAM_36, INIT_RAM_35, INIT_RAM_34, INIT_RAM_33, INIT_RAM_32, INIT_RAM_31, INIT_RAM_30,
      INIT_RAM_2F, INIT_RAM_2E, INIT_RAM_2D, INIT_RAM_2C, INIT_RAM_2B, INIT_RAM_2A, INIT_RAM_29, INIT_RAM_28,
      INIT_RAM_27, INIT_RAM_26, INIT_RAM_25, INIT_RAM_24, INIT_RAM_23, INIT_RAM_22, INIT_RAM_21, INIT_RAM_20,
      INIT_RAM_1F, INIT_RAM_1E, INIT_RAM_1D, INIT_RAM_1C, INIT_RAM_1B, INIT_RAM_1A, INIT_RAM_19, INIT_RAM_18,
      INIT_RAM_17, INIT_RAM_16, INIT_RAM_15, INIT_RAM_14, INIT_RAM_13, INIT_RAM_12, INIT_RAM_11, INIT_RAM_10,
      INIT_RAM_0F, INIT_RAM_0E, INIT_RAM_0D, INIT_RAM_0C, INIT_RAM_0B, INIT_RAM_0A, INIT_RAM_09, INIT_RAM_08,
      INIT_RAM_07, INIT_RAM_06, INIT_RAM_05, INIT_RAM_04, INIT_RAM_03, INIT_RAM_02, INIT_RAM_01, INIT_RAM_00})
  ) ram (
    .clk_a(CLKA), .ce_a(CEA && BLKSELA == BLK_SEL_0), .we_a(WREA), .rst_a(RESETA), .be_a(ADA[3:0]), .addr_a(ADA),
    .di_a({18'b0, DIA}), .do_a(read_a),
    .clk_b(CLKB), .ce_b(CEB && BLKSELB == BLK_SEL_1), .we_b(WREB), .rst_b(RESETB), .be_b(ADB[3:0]), .addr_b(ADB),
    .di_b({18'b0, DIB}), .do_b(read_b));

  wire unused = &{1'b0, OCEA, OCEB, read_a, read_b};
  initial if (READ_MODE0 != 0 || READ_MODE1 != 0) $fatal(1, "%m: a block RAM that is not modelled");
  always @* if (RESET_MODE != "SYNC" && (RESETA || RESETB)) $fatal(1, "%m: a reset that is not modelled");
endmodule
