// Memory of a line buffer: one read and one write port, registered output.
//
// formula:  q = word[read_address] one clock after read_enable
// promise of the user: an address is never read in the clock in which it is written (so block RAM needs no help).
`default_nettype none
module line_memory #(
    parameter  int DEPTH = 28,  // words; 2 or more
    parameter  int WIDTH = 8,   // bits of a word
    parameter  int BLOCK = 0,   // 1: block RAM, 0: LUT RAM
    localparam int AW    = $clog2(DEPTH)
) (
    input  wire logic             clk,
    input  wire logic             read_enable,
    input  wire logic [   AW-1:0] read_address,
    output      logic [WIDTH-1:0] q,
    input  wire logic             write_enable,
    input  wire logic [   AW-1:0] write_address,
    input  wire logic [WIDTH-1:0] d
);
  if (BLOCK != 0) begin : block
    (* ram_style = "block", no_rw_check *) logic [WIDTH-1:0] memory[DEPTH];
    always_ff @(posedge clk) begin
      if (write_enable) memory[write_address] <= d;
      if (read_enable) q <= memory[read_address];
    end
  end else begin : distributed
    (* ram_style = "distributed", no_rw_check *) logic [WIDTH-1:0] memory[DEPTH];
    always_ff @(posedge clk) begin
      if (write_enable) memory[write_address] <= d;
      if (read_enable) q <= memory[read_address];
    end
  end
endmodule
`default_nettype wire
