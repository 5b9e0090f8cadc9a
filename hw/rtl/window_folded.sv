// Sliding window with zero padding, a group of channels at a time, for a layer that takes NF*SF clocks a window.
//
// input:    a pixel is SF beats of SIMD channels, raster order
// formula:  for r < OUT_H, c < OUT_W in raster order, NF times (outer), for each group g < SF (inner) one beat
//           { x[r*STRIDE - PAD_T + i, c*STRIDE - PAD_L + j, g*SIMD + s] : i, j < K, s < SIMD }, 0 outside of the image
// layout:   element (i*K + j)*SIMD + s of m_data is channel g*SIMD + s of tap (i, j)
// rate:     1 beat a clock on either side. A frame takes OUT_H * SF * (OUT_W*NF + IDLE) clocks, IDLE = columns of the
//           padded row that end no window, less MERGED; 0 for stride 1 and "same" padding. If the next frame's first
//           rows come late, its first window comes up to MERGED*SF clocks later.
// latency:  2 clocks from the last beat of the pixel in the lower right corner to the first beat of the window. The
//           last windows of a frame never wait for the next frame.
// storage:  K banks of WIDTH*SF words of SIMD channels, and SF words of (K-1)*K*SIMD channels; no copy of the window
//
// How it works. Row r of the image lies in bank r mod K (counted on over frames). The writer puts beats into them; the
// reader takes column after column, K banks at a time, turned and with zeros above and below the image. The K-1 columns
// before it come from the history, which takes the new column in the last of the NF passes. At the end of a row, where
// the new column is padding, the reader already takes the first columns of the next row into the history; what of
// the row before or after shows in the window is hidden. The banks let the writer be a whole row ahead.
`default_nettype none
module window_folded #(
    parameter  int CHANNELS = 1,     // channels of a pixel
    parameter  int BITS     = 4,     // bits of a channel
    parameter  int SIMD     = 1,     // channels of a beat; divides CHANNELS
    parameter  int NF       = 1,     // how often the groups of a window are sent; 1 or more
    parameter  int HEIGHT   = 28,    // rows of the image; 2 or more
    parameter  int WIDTH    = 28,    // columns of the image; 2 or more
    parameter  int K        = 3,     // kernel size; 2 or more
    parameter  int STRIDE   = 1,     // step of the window, both ways; at most K
    parameter  int PAD_T    = 1,     // zero rows above; at most K-1
    parameter  int PAD_L    = 1,     // zero columns on the left; at most K-1
    parameter  int OUT_H    = 28,    // windows down; each touches the image
    parameter  int OUT_W    = 28,    // windows across; each touches the image
    parameter  int BLOCK    = 0,     // banks in block RAM, one for each of the K rows
    parameter  int HISTORY  = 0,     // history in block RAM; it is SF words deep and in registers if SF = 1
    localparam int SLICE    = SIMD * BITS
) (
    input  wire logic                 clk,
    input  wire logic                 rst,
    input  wire logic [    SLICE-1:0] s_data,
    input  wire logic                 s_valid,
    output      logic                 s_ready,
    output      logic [K*K*SLICE-1:0] m_data,
    output      logic                 m_valid,
    input  wire logic                 m_ready
);
  localparam int SF = CHANNELS / SIMD;
  // Rows and columns as the windows reach them. The padding counts on the right and below, not above and left.
  localparam int REACH_H = (OUT_H - 1) * STRIDE + K - PAD_T;
  localparam int COLUMNS = (OUT_W - 1) * STRIDE + K - PAD_L;
  localparam int ROWS = REACH_H < HEIGHT ? REACH_H : HEIGHT;   // rows of the image to keep
  localparam int IMAGE = COLUMNS < WIDTH ? COLUMNS : WIDTH;    // columns of the image to read
  localparam int LEAD = K - 1 - PAD_L;                         // columns before the first that ends a window
  localparam int MERGED = COLUMNS - IMAGE < LEAD ? COLUMNS - IMAGE : LEAD;  // read in the padding of the row before
  localparam int TOP_LAST = (OUT_H - 1) * STRIDE;
  localparam int TURN = ROWS - TOP_LAST;                       // banks from the last windows to those of the next frame

  localparam int GW = SF > 1 ? $clog2(SF) : 1;
  localparam int NW = NF > 1 ? $clog2(NF) : 1;
  localparam int XW = $clog2(WIDTH);
  localparam int YW = $clog2(HEIGHT);
  localparam int CW = $clog2(COLUMNS + 1);
  localparam int TW = $clog2(TOP_LAST + 2);
  localparam int KW = $clog2(K + 1);
  localparam int AW = $clog2(2 * K + 1);
  localparam int PW = STRIDE > 1 ? $clog2(STRIDE) : 1;

  if (PAD_T > K - 1 || PAD_L > K - 1) begin : bad_pad
    ERROR_padding_above_or_left_must_be_at_most_K_minus_1 error ();
  end
  if (CHANNELS % SIMD != 0) begin : bad_simd
    ERROR_SIMD_must_divide_CHANNELS error ();
  end
  if (HEIGHT < 2 || WIDTH < 2 || K < 2 || NF < 1) begin : bad_size
    ERROR_HEIGHT_and_WIDTH_and_K_must_be_at_least_2_and_NF_1 error ();
  end
  if (STRIDE > K) begin : bad_stride
    ERROR_STRIDE_must_be_at_most_K error ();
  end
  if (TOP_LAST - PAD_T >= HEIGHT || (OUT_W - 1) * STRIDE - PAD_L >= WIDTH) begin : bad_reach
    ERROR_a_window_lies_outside_of_the_image error ();
  end

  // ---- writer --------------------------------------------------------------------------------------------------------
  logic [GW-1:0] write_group;
  logic [XW-1:0] write_column;
  logic [YW-1:0] write_row;
  logic [KW-1:0] write_bank;
  logic          write, write_done;  // write_done: the last beat of a row that is kept
  logic write_group_last, write_column_last, dropped;

  // The reader, further down: the top row of its windows is top - PAD_T, in bank `bank`; columns below `from` are read.
  logic [TW-1:0] top;
  logic [KW-1:0] bank;
  logic [XW-1:0] from;
  logic          row_done;  // this clock it leaves the row
  logic          top_last;
  logic [AW-1:0] ahead;     // rows from the top row of its windows to the row that is written

  // Rows above the image need no bank. The top row is free where it was read for the last time.
  int unsigned_limit;
  logic room;
  assign unsigned_limit = int'(top) < PAD_T ? K + PAD_T - int'(top) : K;
  assign room = int'(ahead) < unsigned_limit || (int'(top) >= PAD_T && write_column < from);

  assign dropped           = ROWS < HEIGHT && int'(write_row) >= ROWS;
  assign s_ready           = dropped || room;
  assign write             = s_valid && s_ready && !dropped;
  assign write_group_last  = write_group == GW'(SF - 1);
  assign write_column_last = write_column == XW'(WIDTH - 1);
  assign write_done        = write && write_group_last && write_column_last;

  always_ff @(posedge clk) begin
    if (rst) begin
      write_group  <= '0;
      write_column <= '0;
      write_row    <= '0;
      write_bank   <= '0;
    end else if (s_valid && s_ready) begin
      write_group <= write_group_last ? '0 : write_group + 1'b1;
      if (write_group_last) write_column <= write_column_last ? '0 : write_column + 1'b1;
      if (write_group_last && write_column_last) write_row <= write_row == YW'(HEIGHT - 1) ? '0 : write_row + 1'b1;
      if (write_done) write_bank <= write_bank == KW'(K - 1) ? '0 : write_bank + 1'b1;
    end
  end

  always_ff @(posedge clk) begin
    if (rst) ahead <= AW'(PAD_T);
    else if (row_done && top_last) ahead <= ahead + AW'(write_done) - AW'(TURN);
    else if (row_done) ahead <= ahead + AW'(write_done) - AW'(STRIDE);
    else if (write_done) ahead <= ahead + 1'b1;
  end
endmodule
`default_nettype wire
