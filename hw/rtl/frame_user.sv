// What comes with a frame, past a core that knows nothing of it: taken with the first beat of a frame on its way into the
// core, given to every beat of what the core makes of that frame, whose last beat is marked.
//
// core in:  s_valid, s_ready of the source, core_valid, core_ready of the core; the data go to the core beside this cell.
//           IN_BEATS beats a frame, s_user of the first of them counts
// core out: x_valid, x_ready of the core, m_valid, m_ready of the sink; again without the data. OUT_BEATS beats a frame
// formula:  m_user of all beats of frame n = s_user of frame n; m_last with beat OUT_BEATS - 1 of each frame
// stall:    a frame that begins waits while DEPTH others have not come out; nothing else is held back
// latency:  0 clocks on either side; 2 from a frame's first beat until beats may come out for it          rate: 1 beat a clock
// storage:  DEPTH + 1 user words
`default_nettype none
module frame_user #(
    parameter int USER      = 6,    // bits that come with a frame
    parameter int IN_BEATS  = 784,  // beats of a frame on its way in; 1 or more
    parameter int OUT_BEATS = 8,    // beats of a frame on its way out; 1 or more
    parameter int DEPTH     = 16    // frames in the core; 2 or more
) (
    input  wire logic            clk,
    input  wire logic            rst,
    input  wire logic [USER-1:0] s_user,
    input  wire logic            s_valid,
    output      logic            s_ready,
    output      logic            core_valid,
    input  wire logic            core_ready,
    input  wire logic            x_valid,
    output      logic            x_ready,
    output      logic [USER-1:0] m_user,
    output      logic            m_last,
    output      logic            m_valid,
    input  wire logic            m_ready
);
  localparam int IW = IN_BEATS > 1 ? $clog2(IN_BEATS) : 1;
  localparam int OW = OUT_BEATS > 1 ? $clog2(OUT_BEATS) : 1;

  if (IN_BEATS < 1 || OUT_BEATS < 1 || DEPTH < 2) begin : bad_count
    ERROR_IN_BEATS_and_OUT_BEATS_must_be_at_least_1_and_DEPTH_2 error ();
  end

  logic [IW-1:0] in_beat;
  logic [OW-1:0] out_beat;
  logic first, may_begin, known;

  assign first      = in_beat == '0;
  assign core_valid = s_valid && (!first || may_begin);
  assign s_ready    = core_ready && (!first || may_begin);
  assign m_valid    = x_valid && known;
  assign x_ready    = m_ready && known;
  assign m_last     = out_beat == OW'(OUT_BEATS - 1);

  always_ff @(posedge clk) begin
    if (rst) begin
      in_beat  <= '0;
      out_beat <= '0;
    end else begin
      if (s_valid && s_ready) in_beat <= in_beat == IW'(IN_BEATS - 1) ? '0 : in_beat + 1'b1;
      if (m_valid && m_ready) out_beat <= m_last ? '0 : out_beat + 1'b1;
    end
  end

  fifo #(
      .WIDTH(USER),
      .DEPTH(DEPTH)
  ) u_users (
      .clk    (clk),
      .rst    (rst),
      .s_data (s_user),
      .s_valid(s_valid && core_ready && first),
      .s_ready(may_begin),
      .m_data (m_user),
      .m_valid(known),
      .m_ready(m_valid && m_ready && m_last)
  );
endmodule
`default_nettype wire
