// Padding: puts pixels of one value around an image.
//
// formula:  y[r, c] = x[r - PAD_T, c - PAD_L] inside of the image, VALUE in every beat outside of it
// channels: a pixel is NF beats, in and out
// rate:     1 beat out a clock: (PAD_T + HEIGHT + PAD_B)*(PAD_L + COLUMNS + PAD_R)*NF clocks a frame
// latency:  1 clock; padding before the first pixel of a frame goes out once that pixel waits at the input, that after
//           the last never waits for the next frame
`default_nettype none
module pad #(
    parameter int           WIDTH   = 8,   // bits of a beat
    parameter int           NF      = 1,   // beats of a pixel
    parameter int           HEIGHT  = 28,  // rows of the image
    parameter int           COLUMNS = 28,  // columns of the image
    parameter int           PAD_T   = 1,   // rows above
    parameter int           PAD_L   = 1,   // columns on the left
    parameter int           PAD_B   = 1,   // rows below
    parameter int           PAD_R   = 1,   // columns on the right
    parameter [WIDTH-1:0]   VALUE   = '0   // a beat of padding
) (
    input  wire logic             clk,
    input  wire logic             rst,
    input  wire logic [WIDTH-1:0] s_data,
    input  wire logic             s_valid,
    output      logic             s_ready,
    output      logic [WIDTH-1:0] m_data,
    output      logic             m_valid,
    input  wire logic             m_ready
);
  localparam int OUT_H = PAD_T + HEIGHT + PAD_B;
  localparam int OUT_W = PAD_L + COLUMNS + PAD_R;
  localparam int NW = NF > 1 ? $clog2(NF) : 1;
  localparam int XW = $clog2(OUT_W + 1);
  localparam int YW = $clog2(OUT_H + 1);

  if (HEIGHT < 1 || COLUMNS < 1 || PAD_T < 0 || PAD_L < 0 || PAD_B < 0 || PAD_R < 0) begin : bad_size
    ERROR_HEIGHT_and_COLUMNS_must_be_at_least_1_and_no_padding_negative error ();
  end

  // Where the next beat out belongs.
  logic [NW-1:0] beat;
  logic [XW-1:0] column;
  logic [YW-1:0] row;
  logic beat_last, column_last, row_last, in_image, start, enable, send;

  assign beat_last   = beat == NW'(NF - 1);
  assign column_last = column == XW'(OUT_W - 1);
  assign row_last    = row == YW'(OUT_H - 1);
  assign in_image    = int'(row) >= PAD_T && int'(row) < PAD_T + HEIGHT &&
                       int'(column) >= PAD_L && int'(column) < PAD_L + COLUMNS;
  assign start       = row == '0 && column == '0 && beat == '0;

  assign enable  = !m_valid || m_ready;
  assign send    = enable && (s_valid || !(in_image || start));
  assign s_ready = enable && in_image;

  always_ff @(posedge clk) begin
    if (rst) begin
      beat    <= '0;
      column  <= '0;
      row     <= '0;
      m_valid <= 1'b0;
    end else begin
      if (enable) m_valid <= send;
      if (send) begin
        beat <= beat_last ? '0 : beat + 1'b1;
        if (beat_last) column <= column_last ? '0 : column + 1'b1;
        if (beat_last && column_last) row <= row_last ? '0 : row + 1'b1;
      end
    end
  end
  always_ff @(posedge clk) if (enable) m_data <= in_image ? s_data : VALUE;
endmodule
`default_nettype wire
