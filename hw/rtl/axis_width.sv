// AXI4-Stream of bytes from one width to another: the bytes of a packet side by side, whatever the beats in which they came.
//
// in:       tkeep marks the first bytes of a beat, one or more; beats other than the last of a packet are full
// formula:  byte i of a packet leaves in beat i / OUT_BYTES at byte i % OUT_BYTES; tlast with its last beat, of which tkeep
//           marks the bytes that are there, the others 0
// latency:  1 clock after the byte that fills a beat, or the last of a packet
// rate:     1 beat a clock on the side that is not wider, no idle clock between beats that follow each other
// storage:  IN_BYTES + OUT_BYTES - 1 bytes, of one packet at a time
`default_nettype none
module axis_width #(
    parameter int IN_BYTES  = 4,  // bytes of a beat in; 1 or more
    parameter int OUT_BYTES = 1   // bytes of a beat out; 1 or more
) (
    input  wire logic                   clk,
    input  wire logic                   rst,
    input  wire logic [ 8*IN_BYTES-1:0] s_axis_tdata,
    input  wire logic [   IN_BYTES-1:0] s_axis_tkeep,
    input  wire logic                   s_axis_tlast,
    input  wire logic                   s_axis_tvalid,
    output      logic                   s_axis_tready,
    output      logic [8*OUT_BYTES-1:0] m_axis_tdata,
    output      logic [  OUT_BYTES-1:0] m_axis_tkeep,
    output      logic                   m_axis_tlast,
    output      logic                   m_axis_tvalid,
    input  wire logic                   m_axis_tready
);
  localparam int SIZE = IN_BYTES + OUT_BYTES - 1;
  localparam int CW = $clog2(SIZE + OUT_BYTES + 1);

  if (IN_BYTES < 1 || OUT_BYTES < 1) begin : bad_width
    ERROR_IN_BYTES_and_OUT_BYTES_must_be_at_least_1 error ();
  end

  logic [8*SIZE-1:0] held, rest, placed;
  logic [CW-1:0] count;  // bytes in held, which is 0 above them
  logic [CW-1:0] left;   // of them when the beat out has been taken
  logic ended;           // the last of them is the last of its packet
  logic sends, takes;

  // Bytes up to the last that is kept; a beat has one or more, so that tlast cannot come alone.
  logic [CW-1:0] bytes;
  logic [8*IN_BYTES-1:0] kept;
  always_comb begin
    bytes = CW'(1);
    for (int i = 1; i < IN_BYTES; i++) if (s_axis_tkeep[i]) bytes = CW'(i + 1);
    for (int i = 0; i < IN_BYTES; i++) kept[8*i+:8] = CW'(i) < bytes ? s_axis_tdata[8*i+:8] : 8'd0;
  end

  always_comb begin
    for (int i = 0; i < OUT_BYTES; i++) m_axis_tkeep[i] = CW'(i) < count;
  end
  assign m_axis_tdata  = held[8*OUT_BYTES-1:0];
  assign m_axis_tlast  = ended && count <= CW'(OUT_BYTES);
  assign m_axis_tvalid = ended || count >= CW'(OUT_BYTES);

  assign sends         = m_axis_tvalid && m_axis_tready;
  assign left          = !sends ? count : m_axis_tlast ? '0 : count - CW'(OUT_BYTES);
  assign s_axis_tready = (!ended || (sends && m_axis_tlast)) && left < CW'(OUT_BYTES);
  assign takes         = s_axis_tvalid && s_axis_tready;

  // What is left begins at byte 0; what comes follows it, at one of OUT_BYTES places.
  assign rest = sends ? held >> 8 * OUT_BYTES : held;
  always_comb begin
    placed = (8 * SIZE)'(kept);
    for (int i = 1; i < OUT_BYTES; i++) if (left == CW'(i)) placed = (8 * SIZE)'(kept) << 8 * i;
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      count <= '0;
      ended <= 1'b0;
      held  <= '0;  // what comes is put into zeros
    end else begin
      count <= takes ? left + bytes : left;
      ended <= takes ? s_axis_tlast : ended && !(sends && m_axis_tlast);
      held  <= takes ? rest | placed : rest;
    end
  end

  logic unused;
  assign unused = &{1'b0, s_axis_tkeep[0]};
endmodule
`default_nettype wire
