// Random anchors for the learner: one for each lane, subspace by subspace.
//
// formula:  a 16-bit Galois LFSR (taps 0xB400, shifted right) steps once before each draw; anchor = (state * K) >> 16
// latency:  1 clock from `advance` to the anchors of the next LANES subspaces, that of the lowest subspace in lane 0
`default_nettype none
module learner_draw #(
    parameter  int K     = 4,  // anchors of a class in a subspace
    parameter  int LANES = 1,  // draws at a time
    parameter  int SEED  = 1,  // first state, not 0
    localparam int KW    = K > 1 ? $clog2(K) : 1
) (
    input  wire logic                clk,
    input  wire logic                rst,
    input  wire logic                restart,  // back to SEED
    input  wire logic                set,      // the state becomes `value`
    input  wire logic [        15:0] value,
    input  wire logic                advance,
    output      logic [        15:0] state,
    output      logic [LANES*KW-1:0] anchors
);
  if (SEED < 1 || SEED > 65535) begin : bad_seed
    ERROR_SEED_must_be_1_to_65535 error ();
  end

  for (genvar l = 0; l < LANES; l++) begin : lane
    logic [15:0] state_in, state_out;
    logic [16+KW-1:0] scaled;
    if (l == 0) begin : lowest
      assign state_in = state;
    end else begin : other
      assign state_in = lane[l-1].state_out;
    end
    assign state_out = {1'b0, state_in[15:1]} ^ (state_in[0] ? 16'hB400 : 16'h0);
    assign scaled = (16 + KW)'(state_out) * (16 + KW)'(K);
    always_ff @(posedge clk) if (advance) anchors[l*KW+:KW] <= scaled[16+:KW];
    logic unused;
    assign unused = &{1'b0, scaled};
  end

  always_ff @(posedge clk) begin
    if (rst || restart) state <= 16'(SEED);
    else if (set) state <= value;
    else if (advance) state <= lane[LANES-1].state_out;
  end
endmodule
`default_nettype wire
