// block_ram_18k: the memory inside block RAMs of 18 kbit, ECP5 and Gowin: 2,048 units of 9 bits, two ports, for simulation only.
//
//   address   14 bits, that of a bit where a unit has eight of them: a word of W bits begins at address[13:log2 W];
//             words of 1, 2 and 4 bits lie in the lower eight bits of a unit, 18 and 36 bits are two and four units
//   write     ce and we: the units that be enables (all, where a word is a unit or less)
//   read      ce: the word is there after the clock; of a write, what MODE says
//   reset     the output becomes 0, whatever ce is
//
// What a port reads on the clock on which the other one writes it is undefined in silicon. Here its bits are the complement of
// what is written, so that a design that uses it does not pass. Latency 1, one access a clock and port.
module block_ram_18k #(
  parameter WIDTH_A = 18,             // bits of a word at port A: 1, 2, 4, 9, 18, 36
  parameter WIDTH_B = 18,             // at port B
  parameter MODE_A = 0,               // what a write shows at the output of port A: 0 nothing new, 1 itself, 2 what was there
  parameter MODE_B = 0,               // at port B
  parameter RESET_BLOCKS_WRITE = 0,   // 1: no write while the port is reset
  parameter [18431:0] INIT = 18432'b0 // contents: unit 0 in the lowest 9 bits
) (
  input             clk_a, ce_a, we_a, rst_a,
  input      [3:0]  be_a,
  input      [13:0] addr_a,
  input      [35:0] di_a,
  output reg [35:0] do_a,
  input             clk_b, ce_b, we_b, rst_b,
  input      [3:0]  be_b,
  input      [13:0] addr_b,
  input      [35:0] di_b,
  output reg [35:0] do_b
);
  localparam UNITS_A = WIDTH_A < 9 ? 1 : WIDTH_A / 9;
  localparam UNITS_B = WIDTH_B < 9 ? 1 : WIDTH_B / 9;
  localparam [8:0] WORD_A = WIDTH_A == 1 ? 9'h1 : WIDTH_A == 2 ? 9'h3 : WIDTH_A == 4 ? 9'hf : 9'h1ff;  // bits that an access reaches, of a unit
  localparam [8:0] WORD_B = WIDTH_B == 1 ? 9'h1 : WIDTH_B == 2 ? 9'h3 : WIDTH_B == 4 ? 9'hf : 9'h1ff;
  localparam [2:0] FINE_A = WIDTH_A == 1 ? 3'd7 : WIDTH_A == 2 ? 3'd6 : WIDTH_A == 4 ? 3'd4 : 3'd0;  // address bits that choose among the words of a unit
  localparam [2:0] FINE_B = WIDTH_B == 1 ? 3'd7 : WIDTH_B == 2 ? 3'd6 : WIDTH_B == 4 ? 3'd4 : 3'd0;

  reg [8:0] units [0:2047];
  integer i;
  initial begin
    for (i = 0; i < 2048; i = i + 1) units[i] = INIT[i*9+:9];
    do_a = 36'b0;
    do_b = 36'b0;
  end

  wire [2:0]  low_a = addr_a[2:0] & FINE_A;
  wire [2:0]  low_b = addr_b[2:0] & FINE_B;
  wire [10:0] base_a = addr_a[13:3] & ~(UNITS_A[10:0] - 11'd1);
  wire [10:0] base_b = addr_b[13:3] & ~(UNITS_B[10:0] - 11'd1);
  wire [3:0]  write_a = {4{ce_a && we_a && !(RESET_BLOCKS_WRITE != 0 && rst_a)}} & (UNITS_A == 1 ? 4'b1 : be_a);
  wire [3:0]  write_b = {4{ce_b && we_b && !(RESET_BLOCKS_WRITE != 0 && rst_b)}} & (UNITS_B == 1 ? 4'b1 : be_b);

  always @(posedge clk_a) begin : port_a
    integer n, m;
    reg [8:0] word, seen, in, other;
    for (n = 0; n < UNITS_A; n = n + 1) begin
      word = units[base_a + n[10:0]];
      in = di_a[n*9+:9] << low_a;
      seen = word;
      for (m = 0; m < UNITS_B; m = m + 1) begin
        other = di_b[m*9+:9] << low_b;
        if (write_b[m] && base_b + m[10:0] == base_a + n[10:0]) seen = (seen & ~(WORD_B << low_b)) | (~other & (WORD_B << low_b));
      end
      if (write_a[n]) begin
        units[base_a + n[10:0]] <= (word & ~(WORD_A << low_a)) | (in & (WORD_A << low_a));
        if (MODE_A == 1) seen = (seen & ~(WORD_A << low_a)) | (in & (WORD_A << low_a));
      end
      if (rst_a) do_a[n*9+:9] <= 9'b0;
      else if (ce_a && !(we_a && MODE_A == 0)) do_a[n*9+:9] <= seen >> low_a & WORD_A;
    end
  end

  always @(posedge clk_b) begin : port_b
    integer n, m;
    reg [8:0] word, seen, in, other;
    for (n = 0; n < UNITS_B; n = n + 1) begin
      word = units[base_b + n[10:0]];
      in = di_b[n*9+:9] << low_b;
      seen = word;
      for (m = 0; m < UNITS_A; m = m + 1) begin
        other = di_a[m*9+:9] << low_a;
        if (write_a[m] && base_a + m[10:0] == base_b + n[10:0]) seen = (seen & ~(WORD_A << low_a)) | (~other & (WORD_A << low_a));
      end
      if (write_b[n]) begin
        units[base_b + n[10:0]] <= (word & ~(WORD_B << low_b)) | (in & (WORD_B << low_b));
        if (MODE_B == 1) seen = (seen & ~(WORD_B << low_b)) | (in & (WORD_B << low_b));
      end
      if (rst_b) do_b[n*9+:9] <= 9'b0;
      else if (ce_b && !(we_b && MODE_B == 0)) do_b[n*9+:9] <= seen >> low_b & WORD_B;
    end
  end
endmodule
