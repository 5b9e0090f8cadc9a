// Read-only memory with a registered output.
//
// formula:  q = word[address] one clock later, where enable was high
// contents: FILE ($readmemh, one word a line) if it is named, else the parameter WORDS (word 0 in the low bits)
// storage:  block RAM if BLOCK, else LUTs (for one word: constants)
`default_nettype none
module rom #(
    parameter  int                      DEPTH = 4,   // words; 1 or more
    parameter  int                      WIDTH = 8,   // bits of a word
    parameter  int                      BLOCK = 0,   // 1: block RAM
    parameter                           FILE  = "",  // memory file, or "" for WORDS
    parameter      [DEPTH*WIDTH-1:0]    WORDS = '0,  // contents where FILE is ""
    localparam int                      AW    = DEPTH > 1 ? $clog2(DEPTH) : 1
) (
    input  wire logic             clk,
    input  wire logic             enable,
    input  wire logic [   AW-1:0] address,
    output      logic [WIDTH-1:0] q
);
  if (BLOCK != 0) begin : block
    (* rom_style = "block" *) logic [WIDTH-1:0] memory[DEPTH];
    if (FILE != "") begin : file
      initial $readmemh(FILE, memory);
    end else begin : words
      initial for (int i = 0; i < DEPTH; i++) memory[i] = WORDS[i*WIDTH+:WIDTH];
    end
    always_ff @(posedge clk) if (enable) q <= memory[address];
  end else if (FILE != "") begin : logic_file
    (* rom_style = "logic" *) logic [WIDTH-1:0] memory[DEPTH];
    initial $readmemh(FILE, memory);
    always_ff @(posedge clk) if (enable) q <= memory[address];
  end else if (DEPTH == 1) begin : constant
    assign q = WORDS[WIDTH-1:0];
    logic unused;
    assign unused = &{1'b0, clk, enable, address};
  end else begin : logic_words
    always_ff @(posedge clk) if (enable) q <= WORDS[address*WIDTH+:WIDTH];
  end
endmodule
`default_nettype wire
