// Pooling behind a window: for each channel the maximum or the sum over the KH x KW taps in the window's upper left
// corner. For strides that are not the kernel and for padding; zeros that the window puts around the image take part
// like pixels.
//
// formula:  MAX = 1: y[p] = max over i < KH, j < KW of x[i][j][p];   MAX = 0: y[p] = sum over i < KH, j < KW of x[i][j][p]
// input:    element ((i*COLUMNS + j)*PE + p): channel p of tap (i, j), i < ROWS, j < COLUMNS
// latency:  ceil(ceil(log2(KH*KW)) / 2) clocks, at least 1          rate: 1 beat a clock
// stall:    the whole cell waits while a result is not taken
`default_nettype none
module window_pool #(
    parameter  int PE       = 1,  // channels of a beat
    parameter  int ROWS     = 3,  // rows of the window
    parameter  int COLUMNS  = 3,  // columns of the window
    parameter  int KH       = 3,  // rows of the pool; 1 to ROWS
    parameter  int KW       = 3,  // columns of the pool; 1 to COLUMNS
    parameter  int BITS     = 4,  // bits of a channel
    parameter  int SIGNED   = 0,  // 1: channels are two's complement
    parameter  int MAX      = 1,  // 1: maximum, 0: sum
    parameter  int OUT_BITS = 4,  // bits of a result: BITS if MAX, else two's complement; every sum must fit
    localparam int TAPS     = KH * KW
) (
    input  wire logic                            clk,
    input  wire logic                            rst,
    input  wire logic [PE*ROWS*COLUMNS*BITS-1:0] s_data,
    input  wire logic                            s_valid,
    output      logic                            s_ready,
    output      logic [         PE*OUT_BITS-1:0] m_data,
    output      logic                            m_valid,
    input  wire logic                            m_ready
);
  localparam int LEVELS = $clog2(TAPS);
  localparam int DELAY = LEVELS > 0 ? (LEVELS + 1) / 2 : 1;

  if (MAX != 0 && OUT_BITS != BITS) begin : bad_bits
    ERROR_OUT_BITS_must_be_BITS_for_a_maximum error ();
  end
  if (KH < 1 || KW < 1 || KH > ROWS || KW > COLUMNS) begin : bad_taps
    ERROR_KH_and_KW_must_be_1_to_ROWS_and_COLUMNS error ();
  end

  // Taps outside of the pool are not read.
  logic unused_taps;
  assign unused_taps = &{1'b0, s_data};

  logic             enable;
  logic [DELAY-1:0] valids;

  assign m_valid = valids[DELAY-1];
  assign enable  = !m_valid || m_ready;
  assign s_ready = enable;

  always_ff @(posedge clk) begin
    if (rst) valids <= '0;
    else if (enable) valids <= DELAY'({valids, s_valid});
  end

  for (genvar p = 0; p < PE; p++) begin : channel
    logic [OUT_BITS-1:0] result;  // a register where there is more than one tap
    if (MAX != 0) begin : maximum
      // Level l holds ceil(TAPS / 2^l) numbers; a register after every two levels and after the last.
      for (genvar l = 0; l <= LEVELS; l++) begin : level
        localparam int N = (TAPS + (1 << l) - 1) >> l;
        logic [N*BITS-1:0] v;
        if (l == 0) begin : leaves
          for (genvar t = 0; t < TAPS; t++) begin : tap
            assign v[t*BITS+:BITS] = s_data[((t/KW*COLUMNS+t%KW)*PE+p)*BITS+:BITS];
          end
        end else begin : larger
          localparam int BELOW = (TAPS + (1 << (l - 1)) - 1) >> (l - 1);
          logic [N*BITS-1:0] of_two;
          for (genvar i = 0; i < N; i++) begin : pair
            if (2 * i + 1 < BELOW) begin : both
              logic [BITS-1:0] a, b;
              assign a = level[l-1].v[2*i*BITS+:BITS];
              assign b = level[l-1].v[(2*i+1)*BITS+:BITS];
              if (SIGNED != 0) begin : two
                assign of_two[i*BITS+:BITS] = $signed(a) > $signed(b) ? a : b;
              end else begin : one
                assign of_two[i*BITS+:BITS] = a > b ? a : b;
              end
            end else begin : odd
              assign of_two[i*BITS+:BITS] = level[l-1].v[2*i*BITS+:BITS];
            end
          end
          if (l == LEVELS || l % 2 == 0) begin : register
            always_ff @(posedge clk) if (enable) v <= of_two;
          end else begin : wire_on
            assign v = of_two;
          end
        end
      end
      assign result = OUT_BITS'(level[LEVELS].v);
    end else begin : sum
      localparam int IN_BITS = BITS + (SIGNED != 0 ? 0 : 1);  // with a sign bit
      logic        [  TAPS*IN_BITS-1:0] x;
      logic signed [IN_BITS+LEVELS-1:0] total;
      for (genvar t = 0; t < TAPS; t++) begin : tap
        assign x[t*IN_BITS+:IN_BITS] = IN_BITS'(s_data[((t/KW*COLUMNS+t%KW)*PE+p)*BITS+:BITS]);
      end
      adder_tree #(
          .TERMS  (TAPS),
          .IN_BITS(IN_BITS),
          .EVERY  (2)
      ) u_tree (
          .clk   (clk),
          .enable(enable),
          .x     (x),
          .sum   (total)
      );
      assign result = OUT_BITS'(total);
      logic unused;  // upper bits that the range of the sum does not need
      assign unused = &{1'b0, total};
    end
    if (LEVELS == 0) begin : register
      always_ff @(posedge clk) if (enable) m_data[p*OUT_BITS+:OUT_BITS] <= result;
    end else begin : wire_on
      assign m_data[p*OUT_BITS+:OUT_BITS] = result;
    end
  end
endmodule
`default_nettype wire
