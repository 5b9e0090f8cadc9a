// Sliding window with zero padding over a raster stream of pixels.
//
// formula:  window[r, c] = { x[r*STRIDE - PAD_T + i, c*STRIDE - PAD_L + j] : i, j < K }, 0 outside of the image,
//           for r < OUT_H, c < OUT_W in raster order
// layout:   element ((g*K + i)*K + j)*SIMD + s of m_data is channel g*SIMD + s of tap (i, j)
// rate:     1 pixel a clock in, HEIGHT*WIDTH clocks a frame for K = 3 with padding 1, because the padding is merged with pixels:
//           the right padding with column 0 of the next row, the last padded row below with row 0 of the next frame.
//           Each further padded column costs 1 clock a row, each further padded row WIDTH clocks a frame. While the
//           window is held, a pixel that comes late is still merged with the padding that waits behind it.
// latency:  2 clocks from the pixel in the lower right corner to the window. The last windows of a frame never wait
//           for the next frame.
// storage:  WIDTH words of (K-1) pixels in LUT or block RAM, K*(K+1) + K + 1 pixels in registers
//
// How it works. Row 0 of a frame is only filed in the line memory (the "fill" cursor). From row 1 on the "scan" cursor
// takes one column at a time: K-1 pixels of it from the line memory, the lowest from the stream (zero below the
// image). While it scans the last padded row of one frame the fill cursor may already follow behind with row 0 of the next.
`default_nettype none
module window #(
    parameter  int CHANNELS = 1,   // channels of a pixel
    parameter  int BITS     = 4,   // bits of a channel
    parameter  int SIMD     = 1,   // channels of a group in the layout; divides CHANNELS
    parameter  int HEIGHT   = 28,  // rows of the image; 2 or more
    parameter  int WIDTH    = 28,  // columns of the image; 2 or more
    parameter  int K        = 3,   // kernel size; 2 or more
    parameter  int STRIDE   = 1,   // step of the window, both ways
    parameter  int PAD_T    = 1,   // zero rows above; at most K-2
    parameter  int PAD_L    = 1,   // zero columns on the left; at most K-2
    parameter  int OUT_H    = 28,  // windows down
    parameter  int OUT_W    = 28,  // windows across
    parameter  int BLOCK    = 0,   // line memory in block RAM
    localparam int PIXEL    = CHANNELS * BITS
) (
    input  wire logic                 clk,
    input  wire logic                 rst,
    input  wire logic [    PIXEL-1:0] s_data,
    input  wire logic                 s_valid,
    output      logic                 s_ready,
    output      logic [K*K*PIXEL-1:0] m_data,
    output      logic                 m_valid,
    input  wire logic                 m_ready
);
  // Padded rows and columns after the image that some window really reaches.
  localparam int REACH_H = (OUT_H - 1) * STRIDE + K - PAD_T;  // rows that the windows reach
  localparam int REACH_W = (OUT_W - 1) * STRIDE + K - PAD_L;
  localparam int PAD_B = REACH_H > HEIGHT ? REACH_H - HEIGHT : 0;
  localparam int PAD_R = REACH_W > WIDTH ? REACH_W - WIDTH : 0;
  localparam int ROWS = HEIGHT + PAD_B;
  localparam int COLUMNS = WIDTH + PAD_R;
  localparam int RW = $clog2(ROWS + 1);
  localparam int CW = $clog2(COLUMNS + 1);
  localparam int AW = $clog2(WIDTH);

  if (PAD_T > K - 2 || PAD_L > K - 2) begin : bad_pad
    ERROR_padding_above_or_left_must_be_at_most_K_minus_2 error ();
  end
  if (CHANNELS % SIMD != 0) begin : bad_simd
    ERROR_SIMD_must_divide_CHANNELS error ();
  end
  if (HEIGHT < 2 || WIDTH < 2 || K < 2) begin : bad_size
    ERROR_HEIGHT_and_WIDTH_and_K_must_be_at_least_2 error ();
  end

  // ---- cursors -------------------------------------------------------------------------------------------------------
  logic [RW-1:0] row;      // scan cursor: row 1 .. ROWS-1
  logic [CW-1:0] column;   // scan cursor: column 0 .. COLUMNS-1, the padding on the right included
  logic [CW-1:0] filled;   // pixels of the next row 0 already taken, 0 .. WIDTH
  logic          started;  // the frame under the scan cursor has its row 0; `filled` counts for the frame after it
  logic row_last, column_last, below, beside, fill_done;

  assign row_last    = row == RW'(ROWS - 1);
  assign column_last = column == CW'(COLUMNS - 1);
  assign below       = PAD_B > 0 && row >= RW'(HEIGHT);
  assign beside      = PAD_R > 0 && column >= CW'(WIDTH);
  assign fill_done   = filled == CW'(WIDTH);

  // ---- what this clock does ------------------------------------------------------------------------------------------
  logic          stage_free;   // the column stage can take an event
  logic          stage_alone;  // it holds the last padded column of a row, which column 0 of the next row may still join
  logic          stage_open;   // it can take what the scan cursor reads
  logic [RW-1:0] row_next;     // the row after this one, perhaps in the next frame
  logic          next_below;   // it lies below the image and needs no pixel
  logic          may_merge;    // the last padded column may go together with column 0 of the next row
  logic          wants_pixel;  // the scan cursor needs a pixel to go on (or to merge)
  logic scan, merge, fill_here, fill_open, fill;

  assign row_next    = row_last ? RW'(1) : row + 1'b1;
  assign next_below  = PAD_B > 0 && row_next >= RW'(HEIGHT);
  assign may_merge   = beside && column_last && (!row_last || fill_done);
  assign wants_pixel = beside ? may_merge && !next_below : !below && (started || fill_done);
  assign merge       = may_merge && (next_below || s_valid);
  assign stage_open  = stage_free || stage_alone;
  assign scan        = stage_open && (beside || below || (wants_pixel && s_valid));
  // Behind the scan of the last padded row the next row 0 may follow, column by column; its column 0 may be merged with
  // the end of the row before.
  assign fill_here   = row_last ? filled < column || (filled == column && scan)
                                : row == RW'(ROWS - 2) && beside && column_last && scan;
  assign fill_open   = !fill_done && (!started || (PAD_B > 0 && fill_here));
  assign fill        = fill_open && s_valid;
  assign s_ready     = fill_open || (stage_open && wants_pixel);

  always_ff @(posedge clk) begin
    if (rst) begin
      row     <= RW'(1);
      column  <= '0;
      filled  <= '0;
      started <= 1'b0;
    end else begin
      if (fill) filled <= filled + 1'b1;
      if (scan) begin
        if (column_last) begin
          row    <= row_next;
          column <= CW'(merge);
        end else begin
          column <= column + 1'b1;
        end
        if (column_last && row_last) started <= merge;
        else started <= 1'b1;
        // The count of row 0 is used up by the first scan event of the frame.
        if (fill_done && (merge ? row_last : !started)) filled <= '0;
      end
    end
  end

  // ---- which scan positions give a window ----------------------------------------------------------------------------
  localparam int SW = $clog2(K + STRIDE);
  logic [SW-1:0] row_skip;     // rows to pass over before the next one that gives windows
  logic [SW-1:0] column_skip;  // columns, likewise
  logic          emit;

  assign emit = row_skip == '0 && column_skip == '0 && row < RW'(REACH_H) && column < CW'(REACH_W);

  always_ff @(posedge clk) begin
    if (rst) begin
      row_skip    <= SW'(K - 2 - PAD_T);
      column_skip <= SW'(K - 1 - PAD_L);
    end else if (scan) begin
      if (column_last) begin
        column_skip <= merge ? SW'(K - 2 - PAD_L) : SW'(K - 1 - PAD_L);
        if (row_last) row_skip <= SW'(K - 2 - PAD_T);
        else row_skip <= row_skip == '0 ? SW'(STRIDE - 1) : row_skip - 1'b1;
      end else begin
        column_skip <= column_skip == '0 ? SW'(STRIDE - 1) : column_skip - 1'b1;
      end
    end
  end

  // ---- column stage: the event of the last clock, with its column out of the line memory -----------------------------
  logic                   stage_valid, stage_emit, stage_write;
  logic                   stage_beside;  // the new column of the window is padding
  logic                   stage_data;    // there is a column of the image (or below it) to keep
  logic [          K-1:0] stage_mask;    // rows of that column that lie inside of the image
  logic [          K-2:0] stage_left;    // columns of the window that lie left of the image
  logic [      PIXEL-1:0] stage_pixel;
  logic [         AW-1:0] stage_address;
  logic                   fire;
  logic [         RW-1:0] row_read;
  logic [         AW-1:0] address;
  logic                   read;

  assign fire       = stage_valid && (!m_valid || m_ready);
  assign stage_free = !stage_valid || fire;
  assign row_read   = beside ? row_next : row;
  assign address    = beside ? '0 : AW'(column);
  assign read       = scan && (!beside || merge);

  always_ff @(posedge clk) begin
    if (rst) begin
      stage_valid <= 1'b0;
      stage_alone <= 1'b0;
    end else begin
      if (stage_free) stage_valid <= scan;
      if (scan) stage_alone <= beside && column_last && !merge;
      else if (stage_free) stage_alone <= 1'b0;
    end
  end

  always_ff @(posedge clk) begin
    if (scan && stage_free) begin
      stage_emit   <= emit;
      stage_beside <= beside;
      for (int j = 0; j < K - 1; j++) stage_left[j] <= !beside && int'(column) + j < K - 1;
    end
    if (scan) begin
      stage_data    <= read;
      stage_write   <= read && row_read != RW'(ROWS - 1);
      stage_pixel   <= s_data;
      stage_address <= address;
      for (int i = 0; i < K; i++)
        stage_mask[i] <= int'(row_read) + i >= K - 1 && int'(row_read) + i < HEIGHT + K - 1;
    end
  end

  logic             fill_valid;
  logic [PIXEL-1:0] fill_pixel;
  logic [   AW-1:0] fill_address;

  always_ff @(posedge clk) begin
    if (rst) fill_valid <= 1'b0;
    else fill_valid <= fill;
  end
  always_ff @(posedge clk) begin
    fill_pixel   <= s_data;
    fill_address <= AW'(filled);
  end

  // A word holds the K-1 rows above, the oldest in the low bits. In row 0 only the newest counts.
  logic [(K-1)*PIXEL-1:0] above;
  logic [    K*PIXEL-1:0] raw;

  assign raw = {stage_pixel, above};

  line_memory #(
      .DEPTH(WIDTH),
      .WIDTH((K - 1) * PIXEL),
      .BLOCK(BLOCK)
  ) u_lines (
      .clk          (clk),
      .read_enable  (read),
      .read_address (address),
      .q            (above),
      .write_enable (fill_valid || (fire && stage_write)),
      .write_address(fill_valid ? fill_address : stage_address),
      .d            (fill_valid ? {(K - 1) {fill_pixel}} : raw[K*PIXEL-1:PIXEL])
  );

  // ---- window registers: K columns, and the newest column of the image behind them -----------------------------------
  logic [K*PIXEL-1:0] columns[K];  // columns[j]: pixel of row i at i*PIXEL
  logic [K*PIXEL-1:0] kept;

  always_ff @(posedge clk) begin
    if (rst) m_valid <= 1'b0;
    else if (fire) m_valid <= stage_emit;
    else if (m_ready) m_valid <= 1'b0;
  end

  always_ff @(posedge clk) begin
    if (fire) begin
      for (int i = 0; i < K; i++) begin
        if (stage_mask[i] && stage_data) kept[i*PIXEL+:PIXEL] <= raw[i*PIXEL+:PIXEL];
        else kept[i*PIXEL+:PIXEL] <= '0;
        if (stage_mask[i] && !stage_beside) columns[K-1][i*PIXEL+:PIXEL] <= raw[i*PIXEL+:PIXEL];
        else columns[K-1][i*PIXEL+:PIXEL] <= '0;
      end
      for (int j = 0; j < K - 1; j++) begin
        if (stage_left[j]) columns[j] <= '0;
        else columns[j] <= j == K - 2 ? kept : columns[j+1];
      end
    end
  end

  for (genvar g = 0; g < CHANNELS / SIMD; g++) begin : group
    for (genvar i = 0; i < K; i++) begin : tap_row
      for (genvar j = 0; j < K; j++) begin : tap_column
        assign m_data[((g*K+i)*K+j)*SIMD*BITS+:SIMD*BITS] = columns[j][i*PIXEL+g*SIMD*BITS+:SIMD*BITS];
      end
    end
  end
endmodule
`default_nettype wire
