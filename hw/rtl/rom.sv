// Read-only memory with a registered output.
//
// formula:  q = word[address] one clock later, where enable was high
// block RAM: contents from FILE ($readmemh, one word a line), if BLOCK
// LUTs:      contents from the parameter WORDS (word 0 in the low bits), else; one word is a constant
`default_nettype none
module rom #(
    parameter  int                                    DEPTH = 4,   // words; 1 or more
    parameter  int                                    WIDTH = 8,   // bits of a word
    parameter  int                                    BLOCK = 0,   // 1: block RAM
    parameter                                         FILE  = "",  // memory file, if BLOCK
    parameter      [(BLOCK!=0 ? 1 : DEPTH)*WIDTH-1:0] WORDS = '0,  // contents, if not BLOCK
    localparam int                                    AW    = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input  wire logic             clk,
    input  wire logic             enable,
    input  wire logic [   AW-1:0] address,
    output      logic [WIDTH-1:0] q
);
  if (BLOCK != 0) begin : block
    (* rom_style = "block" *) logic [WIDTH-1:0] memory[DEPTH];
    initial $readmemh(FILE, memory);
    always_ff @(posedge clk) if (enable) q <= memory[address];
  end else if (DEPTH == 1) begin : constant
    assign q = WORDS[WIDTH-1:0];
    logic unused;
    assign unused = &{1'b0, clk, enable, address};
  end else begin : words
    // Without the attribute Yosys would put what is large into block RAM.
    (* rom_style = "logic" *) logic [WIDTH-1:0] memory[DEPTH];
    initial for (int i = 0; i < DEPTH; i++) memory[i] = WORDS[i*WIDTH+:WIDTH];
    always_ff @(posedge clk) if (enable) q <= memory[address];
  end
endmodule
`default_nettype wire
