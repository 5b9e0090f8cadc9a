// Sum pooling, kernel equal to stride, over a raster stream of pixels; an average is this and a requantisation.
//
// formula:  y[r, c] = sum of x[r*KH + i, c*KW + j], i < KH, j < KW; rows and columns left over are dropped
// channels: a pixel is NF beats of PE channels, in and out
// latency:  2 clocks from the last beat of a window          rate: 1 beat a clock, never a stall of its own
// storage:  (WIDTH/KW)*NF words of PE sums in LUT or block RAM: the running sum of each open window
`default_nettype none
module sum_pool #(
    parameter int PE       = 1,   // channels of a beat
    parameter int NF       = 1,   // beats of a pixel
    parameter int BITS     = 4,   // bits of a channel
    parameter int SIGNED   = 0,   // 1: channels are two's complement
    parameter int HEIGHT   = 28,  // rows of the image
    parameter int WIDTH    = 28,  // columns of the image
    parameter int KH       = 2,   // rows of a window; at most HEIGHT
    parameter int KW       = 2,   // columns of a window; at most WIDTH
    parameter int OUT_BITS = 7,   // bits of a sum, two's complement; every sum must fit
    parameter int BLOCK    = 0    // 1: memory in block RAM
) (
    input  wire logic                   clk,
    input  wire logic                   rst,
    input  wire logic [    PE*BITS-1:0] s_data,
    input  wire logic                   s_valid,
    output      logic                   s_ready,
    output      logic [PE*OUT_BITS-1:0] m_data,
    output      logic                   m_valid,
    input  wire logic                   m_ready
);
  localparam int OUT_W = WIDTH / KW;
  localparam int OUT_H = HEIGHT / KH;
  localparam int DEPTH = OUT_W * NF > 1 ? OUT_W * NF : 2;
  localparam int AW = $clog2(DEPTH);
  localparam int NW = NF > 1 ? $clog2(NF) : 1;
  localparam int IW = KH > 1 ? $clog2(KH) : 1;
  localparam int JW = KW > 1 ? $clog2(KW) : 1;
  localparam int XW = $clog2(WIDTH + 1);
  localparam int YW = $clog2(HEIGHT + 1);

  if (KH < 1 || KW < 1 || KH > HEIGHT || KW > WIDTH) begin : bad_window
    ERROR_a_window_must_lie_inside_of_the_image error ();
  end

  // Where the next beat belongs.
  logic [NW-1:0] beat;
  logic [XW-1:0] column;
  logic [YW-1:0] row;
  logic [JW-1:0] column_in;  // position in its window
  logic [IW-1:0] row_in;
  logic [AW-1:0] index;      // (column / KW) * NF + beat
  logic [AW-1:0] start;      // (column / KW) * NF
  logic beat_last, column_last, row_last, counted, take;

  assign beat_last   = beat == NW'(NF - 1);
  assign column_last = column == XW'(WIDTH - 1);
  assign row_last    = row == YW'(HEIGHT - 1);
  assign counted     = column < XW'(OUT_W * KW) && row < YW'(OUT_H * KH);
  assign index       = start + AW'(beat);

  always_ff @(posedge clk) begin
    if (rst) begin
      beat      <= '0;
      column    <= '0;
      row       <= '0;
      column_in <= '0;
      row_in    <= '0;
      start     <= '0;
    end else if (take) begin
      beat <= beat_last ? '0 : beat + 1'b1;
      if (beat_last) begin
        column <= column_last ? '0 : column + 1'b1;
        if (column_last) begin
          column_in <= '0;
          start     <= '0;
          row       <= row_last ? '0 : row + 1'b1;
          row_in    <= row_last || row_in == IW'(KH - 1) ? '0 : row_in + 1'b1;
        end else if (column_in == JW'(KW - 1)) begin
          column_in <= '0;
          start     <= start + AW'(NF);
        end else begin
          column_in <= column_in + 1'b1;
        end
      end
    end
  end

  // Stage 1: the beat, and the running sum of its window out of the memory.
  logic                   valid_1, first_1, last_1, fire;
  logic [    PE*BITS-1:0] data_1;
  logic [PE*OUT_BITS-1:0] kept, memory, total;
  logic [         AW-1:0] index_1;

  assign fire    = valid_1 && (!last_1 || !m_valid || m_ready);
  assign s_ready = !valid_1 || fire;
  assign take    = s_valid && s_ready;

  always_ff @(posedge clk) begin
    if (rst) valid_1 <= 1'b0;
    else if (s_ready) valid_1 <= s_valid && counted;
  end
  always_ff @(posedge clk) begin
    if (take) begin
      data_1    <= s_data;
      index_1   <= index;
      first_1   <= column_in == '0 && row_in == '0;
      last_1    <= column_in == JW'(KW - 1) && row_in == IW'(KH - 1);
    end
  end

  line_memory #(
      .DEPTH(DEPTH),
      .WIDTH(PE * OUT_BITS),
      .BLOCK(BLOCK)
  ) u_sums (
      .clk          (clk),
      .read_enable  (take),
      .read_address (index),
      .q            (memory),
      .write_enable (fire),
      .write_address(index_1),
      .d            (total)
  );

  if (NF > 1) begin : apart  // a word is read again when it has been written
    assign kept = memory;
  end else begin : beside  // it may be being written while it is read: then it is taken from here
    logic                   forward_1;
    logic [PE*OUT_BITS-1:0] forwarded;
    always_ff @(posedge clk) begin
      if (take) begin
        forward_1 <= fire && index == index_1;
        forwarded <= total;
      end
    end
    assign kept = forward_1 ? forwarded : memory;
  end
  for (genvar p = 0; p < PE; p++) begin : channel
    logic signed [BITS:0] x;  // with a sign bit
    assign x = {SIGNED != 0 && data_1[(p+1)*BITS-1], data_1[p*BITS+:BITS]};
    assign total[p*OUT_BITS+:OUT_BITS] = OUT_BITS'(x) + (first_1 ? '0 : kept[p*OUT_BITS+:OUT_BITS]);
    logic unused;  // upper bits that the range of the sum does not need
    assign unused = &{1'b0, x};
  end

  always_ff @(posedge clk) begin
    if (rst) m_valid <= 1'b0;
    else if (fire && last_1) m_valid <= 1'b1;
    else if (m_ready) m_valid <= 1'b0;
  end
  always_ff @(posedge clk) if (fire && last_1) m_data <= total;
endmodule
`default_nettype wire
