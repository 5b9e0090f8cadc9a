// Memory of the learner: one port, and a register behind it, for block RAM is slow and deep memories choose among several.
//
// formula:  q = word[address] two clocks after `read`, until the next one comes through; a word is never read in the clock
//           in which one is written (promise of the user)
`default_nettype none
module learner_memory #(
    parameter  int DEPTH = 320,  // words; 1 or more
    parameter  int WIDTH = 104,  // bits of a word
    parameter  int BLOCK = 1,    // 1: block RAM, 0: LUT RAM
    localparam int AW    = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input  wire logic             clk,
    input  wire logic [   AW-1:0] address,
    input  wire logic             read,
    input  wire logic             write,
    input  wire logic [WIDTH-1:0] d,
    output      logic [WIDTH-1:0] q
);
  logic [WIDTH-1:0] word;

  line_memory #(
      .DEPTH(DEPTH > 1 ? DEPTH : 2),
      .WIDTH(WIDTH),
      .BLOCK(BLOCK)
  ) u_memory (
      .clk          (clk),
      .read_enable  (read),
      .read_address (address),
      .q            (word),
      .write_enable (write),
      .write_address(address),
      .d            (d)
  );

  always_ff @(posedge clk) q <= word;
endmodule
`default_nettype wire
