// Where packets end, past a core that knows only frames: the last beat of a packet of frames on its way into the core
// becomes the last beat of the packet of their results.
//
// core in:  s_valid, s_ready of the source, core_valid, core_ready of the core; the data go to the core beside this cell.
//           IN_BEATS beats a frame, a packet is whole frames: s_last of the last beat of a frame counts
// core out: x_valid, x_ready of the core, m_valid, m_ready of the sink; again without the data. OUT_BEATS beats a frame
// formula:  m_last = beat OUT_BEATS - 1 of frame n, where s_last came with beat IN_BEATS - 1 of frame n
// stall:    the last beat in of a frame waits while DEPTH others have not come out, the last beat out until that one is in
// latency:  0 clocks on either side; 2 from a frame's last beat in until its last beat may come out          rate: 1 beat a clock
// storage:  DEPTH + 1 bits
`default_nettype none
module packet_last #(
    parameter int IN_BEATS  = 784,  // beats of a frame on its way in; 1 or more
    parameter int OUT_BEATS = 1,    // beats of a frame on its way out; 1 or more
    parameter int DEPTH     = 16    // frames in the core; 2 or more
) (
    input  wire logic clk,
    input  wire logic rst,
    input  wire logic s_last,
    input  wire logic s_valid,
    output      logic s_ready,
    output      logic core_valid,
    input  wire logic core_ready,
    input  wire logic x_valid,
    output      logic x_ready,
    output      logic m_last,
    output      logic m_valid,
    input  wire logic m_ready
);
  localparam int IW = IN_BEATS > 1 ? $clog2(IN_BEATS) : 1;
  localparam int OW = OUT_BEATS > 1 ? $clog2(OUT_BEATS) : 1;

  if (IN_BEATS < 1 || OUT_BEATS < 1 || DEPTH < 2) begin : bad_count
    ERROR_IN_BEATS_and_OUT_BEATS_must_be_at_least_1_and_DEPTH_2 error ();
  end

  logic [IW-1:0] in_beat;
  logic [OW-1:0] out_beat;
  logic in_end, out_end;  // the last beat of a frame
  logic may_end, known, ends;

  assign in_end     = in_beat == IW'(IN_BEATS - 1);
  assign out_end    = out_beat == OW'(OUT_BEATS - 1);
  assign core_valid = s_valid && (!in_end || may_end);
  assign s_ready    = core_ready && (!in_end || may_end);
  assign m_valid    = x_valid && (!out_end || known);
  assign x_ready    = m_ready && (!out_end || known);
  assign m_last     = out_end && ends;

  always_ff @(posedge clk) begin
    if (rst) begin
      in_beat  <= '0;
      out_beat <= '0;
    end else begin
      if (s_valid && s_ready) in_beat <= in_end ? '0 : in_beat + 1'b1;
      if (m_valid && m_ready) out_beat <= out_end ? '0 : out_beat + 1'b1;
    end
  end

  fifo #(
      .WIDTH(1),
      .DEPTH(DEPTH)
  ) u_ends (
      .clk    (clk),
      .rst    (rst),
      .s_data (s_last),
      .s_valid(s_valid && core_ready && in_end),
      .s_ready(may_end),
      .m_data (ends),
      .m_valid(known),
      .m_ready(m_valid && m_ready && out_end)
  );
endmodule
`default_nettype wire
