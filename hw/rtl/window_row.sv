// Window of one row: 1 x K pixels of each row of an image, or of a signal (one row), with zeros on the left and right.
//
// formula:  for each row, for c < OUT_W:  window = { x[c*STRIDE - PAD_L + j] : j < K }, 0 outside of the row
// layout:   element (g*K + j)*SIMD + s of m_data is channel g*SIMD + s of tap j
// rate:     1 pixel a clock in, WIDTH + PAD_R - MERGED clocks a row: PAD_R are the columns that the windows reach on the
//           right of the row, MERGED = min(PAD_R, K-1-PAD_L, WIDTH) of them go together with pixels of the next row. That is
//           WIDTH clocks for "same" padding.
// latency:  1 clock from the last pixel of a window to the window. The last windows of a row never wait for the next row.
// storage:  K pixels in registers
//
// How it works. The registers are a chain of the last K pixels; what of it lies outside of a window's row is hidden.
// A step takes a pixel, or moves the row before on by one padded column (`beyond`), or both.
`default_nettype none
module window_row #(
    parameter  int CHANNELS = 1,   // channels of a pixel
    parameter  int BITS     = 4,   // bits of a channel
    parameter  int SIMD     = 1,   // channels of a group in the layout; divides CHANNELS
    parameter  int WIDTH    = 28,  // columns of a row; 1 or more
    parameter  int K        = 3,   // pixels of a window; 1 or more
    parameter  int STRIDE   = 1,   // step of the window
    parameter  int PAD_L    = 1,   // zero columns on the left; at most K-1
    parameter  int OUT_W    = 28,  // windows of a row
    localparam int PIXEL    = CHANNELS * BITS
) (
    input  wire logic               clk,
    input  wire logic               rst,
    input  wire logic [  PIXEL-1:0] s_data,
    input  wire logic               s_valid,
    output      logic               s_ready,
    output      logic [K*PIXEL-1:0] m_data,
    output      logic               m_valid,
    input  wire logic               m_ready
);
  localparam int REACH = (OUT_W - 1) * STRIDE + K - PAD_L;  // columns that the windows reach
  localparam int PAD_R = REACH > WIDTH ? REACH - WIDTH : 0;
  localparam int LEAD = K - 1 - PAD_L;                      // columns before the first that ends a window
  localparam int CW = $clog2(WIDTH + 1);
  localparam int BW = PAD_R > 0 ? $clog2(PAD_R + 1) : 1;
  localparam int SW = $clog2(LEAD + STRIDE + 1);

  if (PAD_L > K - 1) begin : bad_pad
    ERROR_padding_on_the_left_must_be_at_most_K_minus_1 error ();
  end
  if (CHANNELS % SIMD != 0) begin : bad_simd
    ERROR_SIMD_must_divide_CHANNELS error ();
  end
  if (WIDTH < 1 || K < 1 || STRIDE < 1) begin : bad_size
    ERROR_WIDTH_and_K_and_STRIDE_must_be_at_least_1 error ();
  end

  // ---- what this clock does ------------------------------------------------------------------------------------------
  logic [CW-1:0] column;     // of the next pixel
  logic [SW-1:0] skip;       // columns to pass over before the next that ends a window
  logic [BW-1:0] beyond;     // padded columns of the row before that are done
  logic [SW-1:0] skip_pad;   // of them, likewise
  logic          behind;     // the row before still has padded columns
  logic          last, early, free, take, step, emit;

  assign behind  = int'(beyond) < PAD_R;
  assign last    = column == CW'(WIDTH - 1);
  // A pixel that ends no window may come while the row before ends; it ends before the next row does.
  assign early   = int'(column) < LEAD && (!last || int'(beyond) == PAD_R - 1);
  assign free    = !m_valid || m_ready;
  assign s_ready = free && (!behind || early);
  assign take    = s_valid && s_ready;
  assign step    = take || (free && behind);
  assign emit    = (behind && skip_pad == '0) || (take && skip == '0 && int'(column) < REACH);

  always_ff @(posedge clk) begin
    if (rst) begin
      column   <= '0;
      skip     <= SW'(LEAD);
      beyond   <= BW'(PAD_R);
      skip_pad <= '0;
    end else if (step) begin
      if (behind) begin
        beyond   <= beyond + 1'b1;
        skip_pad <= skip_pad == '0 ? SW'(STRIDE - 1) : skip_pad - 1'b1;
      end
      if (take) begin
        column <= last ? '0 : column + 1'b1;
        skip   <= last ? SW'(LEAD) : skip == '0 ? SW'(STRIDE - 1) : skip - 1'b1;
        if (last) begin
          beyond   <= '0;
          skip_pad <= skip == '0 ? SW'(STRIDE - 1) : skip - 1'b1;
        end
      end
    end
  end

  always_ff @(posedge clk) begin
    if (rst) m_valid <= 1'b0;
    else if (step) m_valid <= emit;
    else if (m_ready) m_valid <= 1'b0;
  end

  // ---- the pixels, oldest first, and which of them the window shows ---------------------------------------------------
  logic [K*PIXEL-1:0] pixels;
  logic [      K-1:0] shown;

  always_ff @(posedge clk) begin
    if (take) pixels[(K-1)*PIXEL+:PIXEL] <= s_data;
    // Without a new pixel those of the row before move, and those already taken of the next row stay.
    for (int j = 0; j < K - 1; j++)
      if (take || (step && j + 1 + int'(column) < K)) pixels[j*PIXEL+:PIXEL] <= pixels[(j+1)*PIXEL+:PIXEL];
    if (step) begin
      for (int j = 0; j < K; j++) begin
        if (behind) shown[j] <= int'(beyond) + 1 + j < K && WIDTH + int'(beyond) + 1 + j >= K;
        else shown[j] <= int'(column) + 1 + j >= K;
      end
    end
  end

  for (genvar g = 0; g < CHANNELS / SIMD; g++) begin : group
    for (genvar j = 0; j < K; j++) begin : tap
      assign m_data[(g*K+j)*SIMD*BITS+:SIMD*BITS] = pixels[j*PIXEL+g*SIMD*BITS+:SIMD*BITS] & {SIMD*BITS{shown[j]}};
    end
  end
endmodule
`default_nettype wire
