// Concatenation: beats of several streams in turn, channels or rows of one tensor behind those of another.
//
// formula:  BEATS[0] beats of input 0, then BEATS[1] of input 1, ... of the last input, and from the start again
// inputs:   s_data[i*WIDTH +: WIDTH], s_valid[i], s_ready[i] are input i; the others wait
// latency:  1 clock          rate: 1 beat a clock          storage: 1 beat
`default_nettype none
module concat #(
    parameter int             WIDTH  = 8,               // bits of a beat
    parameter int             INPUTS = 2,               // streams in; 1 or more
    parameter [INPUTS*32-1:0] BEATS  = {INPUTS{32'd1}}  // beats of a turn of input i at i*32; each 1 or more
) (
    input  wire logic                    clk,
    input  wire logic                    rst,
    input  wire logic [INPUTS*WIDTH-1:0] s_data,
    input  wire logic [      INPUTS-1:0] s_valid,
    output      logic [      INPUTS-1:0] s_ready,
    output      logic [       WIDTH-1:0] m_data,
    output      logic                    m_valid,
    input  wire logic                    m_ready
);
  localparam int IW = INPUTS > 1 ? $clog2(INPUTS) : 1;
  localparam int CW = $clog2(longest(BEATS) + 1);

  // Beats of the longest turn.
  function automatic int longest(input [INPUTS*32-1:0] beats);
    longest = 1;
    for (int i = 0; i < INPUTS; i++) if (int'(beats[i*32+:32]) > longest) longest = int'(beats[i*32+:32]);
  endfunction

  logic [    IW-1:0] turn;   // the input whose beats come now
  logic [    CW-1:0] count;  // its beats already taken
  logic [INPUTS-1:0] last;   // the beat is the last of the turn of input i, if it is its turn
  logic enable, take;

  for (genvar i = 0; i < INPUTS; i++) begin : stream
    if (BEATS[i*32+:32] == 32'd0) begin : bad_beats
      ERROR_each_of_BEATS_must_be_at_least_1 error ();
    end
    assign last[i]    = count == CW'(BEATS[i*32+:32] - 32'd1);
    assign s_ready[i] = enable && turn == IW'(i);
  end

  assign enable = !m_valid || m_ready;
  assign take   = enable && s_valid[turn];

  always_ff @(posedge clk) begin
    if (rst) begin
      turn    <= '0;
      count   <= '0;
      m_valid <= 1'b0;
    end else begin
      if (enable) m_valid <= take;
      if (take) count <= last[turn] ? '0 : count + 1'b1;
      if (take && last[turn]) turn <= turn == IW'(INPUTS - 1) ? '0 : turn + 1'b1;
    end
  end
  always_ff @(posedge clk) if (enable) m_data <= s_data[int'(turn)*WIDTH+:WIDTH];
endmodule
`default_nettype wire
