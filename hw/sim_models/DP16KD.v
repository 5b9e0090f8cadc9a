// DP16KD: a block RAM of 18 kbit of ECP5 parts, as Yosys uses it: without output registers, its reset synchronous or unused, always selected.
//
//   DATA_WIDTH_A = 36   port A alone writes, 36 bits a word: DIA the lower half, DIB the upper
//   DATA_WIDTH_B = 36   port B alone reads, 36 bits a word: DOA the lower half, DOB the upper
//   otherwise           two ports of their own
//
// From 18 bits on, the lowest bits of an address enable bytes of 9 bits. INITVAL_xx hold 16 words of 18 bits, each in 20 bits.
// A write to what the other port reads on the same clock spoils what is read; see block_ram_18k. Latency 1.
module DP16KD #(
  parameter DATA_WIDTH_A = 18,               // bits of a word at port A: 1, 2, 4, 9, 18, 36
  parameter DATA_WIDTH_B = 18,               // at port B
  parameter REGMODE_A = "NOREG",             // output register: none
  parameter REGMODE_B = "NOREG",
  parameter RESETMODE = "SYNC",              // of the output
  parameter ASYNC_RESET_RELEASE = "SYNC",
  parameter CSDECODE_A = "0b000",            // CSA that selects the block: 0
  parameter CSDECODE_B = "0b000",
  parameter WRITEMODE_A = "NORMAL",          // what a write shows at the output: NORMAL nothing, WRITETHROUGH, READBEFOREWRITE
  parameter WRITEMODE_B = "NORMAL",
  parameter CLKAMUX = "CLKA",
  parameter CLKBMUX = "CLKB",       // "INV": falling edge
  parameter GSR = "ENABLED",                 // global reset, which no design uses
  parameter [319:0] INITVAL_00 = 320'h0,
  parameter [319:0] INITVAL_01 = 320'h0,
  parameter [319:0] INITVAL_02 = 320'h0,
  parameter [319:0] INITVAL_03 = 320'h0,
  parameter [319:0] INITVAL_04 = 320'h0,
  parameter [319:0] INITVAL_05 = 320'h0,
  parameter [319:0] INITVAL_06 = 320'h0,
  parameter [319:0] INITVAL_07 = 320'h0,
  parameter [319:0] INITVAL_08 = 320'h0,
  parameter [319:0] INITVAL_09 = 320'h0,
  parameter [319:0] INITVAL_0A = 320'h0,
  parameter [319:0] INITVAL_0B = 320'h0,
  parameter [319:0] INITVAL_0C = 320'h0,
  parameter [319:0] INITVAL_0D = 320'h0,
  parameter [319:0] INITVAL_0E = 320'h0,
  parameter [319:0] INITVAL_0F = 320'h0,
  parameter [319:0] INITVAL_10 = 320'h0,
  parameter [319:0] INITVAL_11 = 320'h0,
  parameter [319:0] INITVAL_12 = 320'h0,
  parameter [319:0] INITVAL_13 = 320'h0,
  parameter [319:0] INITVAL_14 = 320'h0,
  parameter [319:0] INITVAL_15 = 320'h0,
  parameter [319:0] INITVAL_16 = 320'h0,
  parameter [319:0] INITVAL_17 = 320'h0,
  parameter [319:0] INITVAL_18 = 320'h0,
  parameter [319:0] INITVAL_19 = 320'h0,
  parameter [319:0] INITVAL_1A = 320'h0,
  parameter [319:0] INITVAL_1B = 320'h0,
  parameter [319:0] INITVAL_1C = 320'h0,
  parameter [319:0] INITVAL_1D = 320'h0,
  parameter [319:0] INITVAL_1E = 320'h0,
  parameter [319:0] INITVAL_1F = 320'h0,
  parameter [319:0] INITVAL_20 = 320'h0,
  parameter [319:0] INITVAL_21 = 320'h0,
  parameter [319:0] INITVAL_22 = 320'h0,
  parameter [319:0] INITVAL_23 = 320'h0,
  parameter [319:0] INITVAL_24 = 320'h0,
  parameter [319:0] INITVAL_25 = 320'h0,
  parameter [319:0] INITVAL_26 = 320'h0,
  parameter [319:0] INITVAL_27 = 320'h0,
  parameter [319:0] INITVAL_28 = 320'h0,
  parameter [319:0] INITVAL_29 = 320'h0,
  parameter [319:0] INITVAL_2A = 320'h0,
  parameter [319:0] INITVAL_2B = 320'h0,
  parameter [319:0] INITVAL_2C = 320'h0,
  parameter [319:0] INITVAL_2D = 320'h0,
  parameter [319:0] INITVAL_2E = 320'h0,
  parameter [319:0] INITVAL_2F = 320'h0,
  parameter [319:0] INITVAL_30 = 320'h0,
  parameter [319:0] INITVAL_31 = 320'h0,
  parameter [319:0] INITVAL_32 = 320'h0,
  parameter [319:0] INITVAL_33 = 320'h0,
  parameter [319:0] INITVAL_34 = 320'h0,
  parameter [319:0] INITVAL_35 = 320'h0,
  parameter [319:0] INITVAL_36 = 320'h0,
  parameter [319:0] INITVAL_37 = 320'h0,
  parameter [319:0] INITVAL_38 = 320'h0,
  parameter [319:0] INITVAL_39 = 320'h0,
  parameter [319:0] INITVAL_3A = 320'h0,
  parameter [319:0] INITVAL_3B = 320'h0,
  parameter [319:0] INITVAL_3C = 320'h0,
  parameter [319:0] INITVAL_3D = 320'h0,
  parameter [319:0] INITVAL_3E = 320'h0,
  parameter [319:0] INITVAL_3F = 320'h0
) (
  input  DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0,
  input  ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
  input  CSA2, CSA1, CSA0,
  input  CEA, OCEA, CLKA, WEA, RSTA,
  output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0,
  input  DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0,
  input  ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
  input  CSB2, CSB1, CSB0,
  input  CEB, OCEB, CLKB, WEB, RSTB,
  output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0
);
  function [287:0] words(input [319:0] init);
    integer i;
    for (i = 0; i < 16; i = i + 1) words[i*18+:18] = init[i*20+:18];
  endfunction

  localparam MODE_A = WRITEMODE_A == "WRITETHROUGH" ? 1 : WRITEMODE_A == "READBEFOREWRITE" ? 2 : 0;
  localparam MODE_B = WRITEMODE_B == "WRITETHROUGH" ? 1 : WRITEMODE_B == "READBEFOREWRITE" ? 2 : 0;

  wire [35:0] read_a, read_b;
  wire [17:0] in_b = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0};
  wire [17:0] in_a = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
  wire [13:0] address_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
  wire [13:0] address_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};

  block_ram_18k #(
    .WIDTH_A(DATA_WIDTH_A), .WIDTH_B(DATA_WIDTH_B), .MODE_A(MODE_A), .MODE_B(MODE_B), .RESET_BLOCKS_WRITE(1),
    .INIT({
      words(INITVAL_3F), words(INITVAL_3E), words(INITVAL_3D), words(INITVAL_3C),
      words(INITVAL_3B), words(INITVAL_3A), words(INITVAL_39), words(INITVAL_38),
      words(INITVAL_37), words(INITVAL_36), words(INITVAL_35), words(INITVAL_34),
      words(INITVAL_33), words(INITVAL_32), words(INITVAL_31), words(INITVAL_30),
      words(INITVAL_2F), words(INITVAL_2E), words(INITVAL_2D), words(INITVAL_2C),
      words(INITVAL_2B), words(INITVAL_2A), words(INITVAL_29), words(INITVAL_28),
      words(INITVAL_27), words(INITVAL_26), words(INITVAL_25), words(INITVAL_24),
      words(INITVAL_23), words(INITVAL_22), words(INITVAL_21), words(INITVAL_20),
      words(INITVAL_1F), words(INITVAL_1E), words(INITVAL_1D), words(INITVAL_1C),
      words(INITVAL_1B), words(INITVAL_1A), words(INITVAL_19), words(INITVAL_18),
      words(INITVAL_17), words(INITVAL_16), words(INITVAL_15), words(INITVAL_14),
      words(INITVAL_13), words(INITVAL_12), words(INITVAL_11), words(INITVAL_10),
      words(INITVAL_0F), words(INITVAL_0E), words(INITVAL_0D), words(INITVAL_0C),
      words(INITVAL_0B), words(INITVAL_0A), words(INITVAL_09), words(INITVAL_08),
      words(INITVAL_07), words(INITVAL_06), words(INITVAL_05), words(INITVAL_04),
      words(INITVAL_03), words(INITVAL_02), words(INITVAL_01), words(INITVAL_00)})
  ) ram (
    .clk_a(CLKAMUX == "INV" ? !CLKA : CLKA), .ce_a(CEA), .we_a(WEA), .rst_a(RSTA), .be_a(address_a[3:0]), .addr_a(address_a),
    .di_a({in_b, in_a}), .do_a(read_a),
    .clk_b(CLKBMUX == "INV" ? !CLKB : CLKB), .ce_b(CEB), .we_b(WEB && DATA_WIDTH_B < 36), .rst_b(RSTB), .be_b(address_b[3:0]),
    .addr_b(address_b), .di_b({18'b0, in_b}), .do_b(read_b));

  assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2, DOA1, DOA0} = DATA_WIDTH_B == 36 ? read_b[17:0] : read_a[17:0];
  assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2, DOB1, DOB0} = DATA_WIDTH_B == 36 ? read_b[35:18] : read_b[17:0];

  initial if (REGMODE_A != "NOREG" || REGMODE_B != "NOREG" || CSDECODE_A != "0b000" || CSDECODE_B != "0b000")
    $fatal(1, "%m: a block RAM that is not modelled");
  always @* if (RESETMODE != "SYNC" && (RSTA || RSTB)) $fatal(1, "%m: a reset that is not modelled");

  wire unused = &{1'b0, CSA2, CSA1, CSA0, CSB2, CSB1, CSB0, OCEA, OCEB, read_a[35:18]};
endmodule
