// Max pooling, kernel equal to stride, over a raster stream of pixels.
//
// formula:  y[r, c] = max of x[r*KH + i, c*KW + j], i < KH, j < KW; rows and columns left over are dropped
// channels: a pixel is NF beats of PE channels, in and out
// latency:  2 clocks from the last beat of a window          rate: 1 beat a clock
// storage:  (WIDTH/KW)*NF words of PE channels in LUT or block RAM: the running maximum of each open window
`default_nettype none
module max_pool #(
    parameter int PE     = 1,   // channels of a beat
    parameter int NF     = 1,   // beats of a pixel
    parameter int BITS   = 4,   // bits of a channel
    parameter int SIGNED = 0,   // 1: two's complement
    parameter int HEIGHT = 28,  // rows of the image
    parameter int WIDTH  = 28,  // columns of the image
    parameter int KH     = 2,   // kernel and stride, rows
    parameter int KW     = 2,   // kernel and stride, columns
    parameter int BLOCK  = 0    // 1: memory in block RAM
) (
    input  wire logic               clk,
    input  wire logic               rst,
    input  wire logic [PE*BITS-1:0] s_data,
    input  wire logic               s_valid,
    output      logic               s_ready,
    output      logic [PE*BITS-1:0] m_data,
    output      logic               m_valid,
    input  wire logic               m_ready
);
  localparam int OUT_W = WIDTH / KW;
  localparam int OUT_H = HEIGHT / KH;
  localparam int DEPTH = OUT_W * NF > 1 ? OUT_W * NF : 2;
  localparam int AW = $clog2(DEPTH);
  localparam int NW = NF > 1 ? $clog2(NF) : 1;
  localparam int IW = KH > KW ? $clog2(KH + 1) : $clog2(KW + 1);
  localparam int XW = $clog2(WIDTH + 1);
  localparam int YW = $clog2(HEIGHT + 1);

  // Where the next beat belongs.
  logic [NW-1:0] beat;
  logic [XW-1:0] column;
  logic [YW-1:0] row;
  logic [IW-1:0] column_in, row_in;  // position in its window
  logic [AW-1:0] index;              // (column / K) * NF + beat
  logic [AW-1:0] start;              // (column / K) * NF
  logic beat_last, column_last, row_last, inside_x, inside_y, counted, take;

  assign beat_last   = beat == NW'(NF - 1);
  assign column_last = column == XW'(WIDTH - 1);
  assign row_last    = row == YW'(HEIGHT - 1);
  assign inside_x    = column < XW'(OUT_W * KW);
  assign inside_y    = row < YW'(OUT_H * KH);
  assign index       = start + AW'(beat);

  assign counted      = inside_x && inside_y;

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
        end else if (column_in == IW'(KW - 1)) begin
          column_in <= '0;
          start     <= start + AW'(NF);
        end else begin
          column_in <= column_in + 1'b1;
        end
      end
    end
  end

  // Stage 1: the beat, and the running maximum of its window out of the memory.
  logic               valid_1, first_1, last_1, fire;
  logic [PE*BITS-1:0] data_1, kept, memory, maximum;
  logic [     AW-1:0] index_1;

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
      last_1    <= column_in == IW'(KW - 1) && row_in == IW'(KH - 1);
    end
  end

  line_memory #(
      .DEPTH(DEPTH),
      .WIDTH(PE * BITS),
      .BLOCK(BLOCK)
  ) u_maxima (
      .clk          (clk),
      .read_enable  (take),
      .read_address (index),
      .q            (memory),
      .write_enable (fire),
      .write_address(index_1),
      .d            (maximum)
  );

  if (NF > 1) begin : apart  // a word is read again when it has been written
    assign kept = memory;
  end else begin : beside  // it may be being written while it is read: then it is taken from here
    logic                   forward_1;
    logic [PE*BITS-1:0] forwarded;
    always_ff @(posedge clk) begin
      if (take) begin
        forward_1 <= fire && index == index_1;
        forwarded <= maximum;
      end
    end
    assign kept = forward_1 ? forwarded : memory;
  end
  for (genvar p = 0; p < PE; p++) begin : channel
    logic [BITS-1:0] a, b;
    logic            larger;
    assign a = data_1[p*BITS+:BITS];
    assign b = kept[p*BITS+:BITS];
    if (SIGNED != 0) begin : two
      assign larger = $signed(a) > $signed(b);
    end else begin : one
      assign larger = a > b;
    end
    assign maximum[p*BITS+:BITS] = first_1 || larger ? a : b;
  end

  always_ff @(posedge clk) begin
    if (rst) m_valid <= 1'b0;
    else if (fire && last_1) m_valid <= 1'b1;
    else if (m_ready) m_valid <= 1'b0;
  end
  always_ff @(posedge clk) if (fire && last_1) m_data <= maximum;
endmodule
`default_nettype wire
