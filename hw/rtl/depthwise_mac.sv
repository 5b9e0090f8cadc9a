// Depthwise convolution behind a window: each channel has its own kernel, PE channels a clock.
//
// formula:  y[n*PE + p] = sum over tap < TAPS of w[n*PE + p][tap] * x[tap][n*PE + p],  n < NF
//           with COMPLEMENT made of size * x and size * ~x (product.sv), to which OFFSETS add what they lack
// input:    beat n of a window has element (tap*PE + p): channel n*PE + p of the tap
// weights:  entry ((n*PE + p)*TAPS + tap) of WEIGHTS
// rate:     1 beat a clock: NF clocks a window
// latency:  2 + ceil(ceil(log2(TAPS)) / EVERY) clocks, 1 more if COMPLEMENT
// stall:    the whole cell waits while a result is not taken
`default_nettype none
module depthwise_mac #(
    parameter int                     PE       = 1,   // channels of a beat
    parameter int                     NF       = 1,   // beats of a window: channels = NF*PE
    parameter int                     TAPS     = 9,   // weights of a channel; 1 or more
    parameter int                     X_BITS   = 4,   // bits of an activation
    parameter int                     X_SIGNED = 0,   // 1: activations are two's complement
    parameter int                     W_BITS   = 4,   // bits of a weight, two's complement; 2 bits: -1, 0 and 1
    parameter int                     POWERS   = 0,   // 1: weights of 0 and powers of two, coded as product.sv says; not unfolded
    parameter int                     COMPLEMENT = 0,  // 1: weights are {negative, size} as product.sv says; not unfolded
    parameter int                     P_BITS   = 8,   // bits of a product, two's complement; unsigned if COMPLEMENT and not X_SIGNED
    parameter int                     ACC_BITS = 12,  // bits of a result, two's complement
    parameter int                     EVERY    = 1,   // levels of adders between two registers
    parameter [NF*PE*TAPS*W_BITS-1:0] WEIGHTS  = '0,  // the weights
    parameter [(COMPLEMENT != 0 ? NF*PE : 1)*ACC_BITS-1:0] OFFSETS = '0  // if COMPLEMENT: that of channel n*PE + p at (n*PE + p)*ACC_BITS
) (
    input  wire logic                      clk,
    input  wire logic                      rst,
    input  wire logic [PE*TAPS*X_BITS-1:0] s_data,
    input  wire logic                      s_valid,
    output      logic                      s_ready,
    output      logic [   PE*ACC_BITS-1:0] m_data,
    output      logic                      m_valid,
    input  wire logic                      m_ready
);
  localparam int LANES = PE * TAPS;
  localparam int CW = NF > 1 ? $clog2(NF) : 1;

  logic          enable;
  logic [CW-1:0] beat;

  assign enable  = !m_valid || m_ready;
  assign s_ready = enable;

  always_ff @(posedge clk) begin
    if (rst) beat <= '0;
    else if (enable && s_valid) beat <= beat == CW'(NF - 1) ? '0 : beat + 1'b1;
  end

  // Stage 0: operands.
  logic [LANES*X_BITS-1:0] x;
  logic [LANES*W_BITS-1:0] w;

  always_ff @(posedge clk) if (enable) x <= s_data;

  rom #(
      .DEPTH(NF),
      .WIDTH(LANES * W_BITS),
      .WORDS(WEIGHTS)
  ) u_weights (
      .clk    (clk),
      .enable (enable),
      .address(beat),
      .q      (w)
  );

  // Stage 1: products.
  logic [LANES*P_BITS-1:0] terms;
  logic valid_0, valid_1;

  for (genvar p = 0; p < PE; p++) begin : channel
    for (genvar t = 0; t < TAPS; t++) begin : tap
      product #(
          .X_BITS  (X_BITS),
          .X_SIGNED(X_SIGNED),
          .W_BITS  (W_BITS),
          .P_BITS  (P_BITS),
          .POWERS  (POWERS),
          .COMPLEMENT(COMPLEMENT),
          .CONSTANT(NF == 1 ? 1 : 0),
          .WEIGHT  (WEIGHTS[(p*TAPS+t)*W_BITS+:W_BITS])
      ) u_product (
          .clk   (clk),
          .enable(enable),
          .x     (x[(t*PE+p)*X_BITS+:X_BITS]),
          .w     (w[(p*TAPS+t)*W_BITS+:W_BITS]),
          .p     (terms[(p*TAPS+t)*P_BITS+:P_BITS])
      );
    end
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      valid_0 <= 1'b0;
      valid_1 <= 1'b0;
    end else if (enable) begin
      valid_0 <= s_valid;
      valid_1 <= valid_0;
    end
  end

  mac_accumulate #(
      .PE       (PE),
      .SIMD     (TAPS),
      .SF       (1),
      .TERM_BITS(P_BITS),
      .SIGNED   (COMPLEMENT != 0 && X_SIGNED == 0 ? 0 : 1),
      .ACC_BITS (ACC_BITS),
      .EVERY    (EVERY),
      .ADDS     (COMPLEMENT),
      .NF       (NF),
      .OFFSETS  (OFFSETS)
  ) u_sum (
      .clk         (clk),
      .rst         (rst),
      .enable      (enable),
      .terms       (terms),
      .valid       (valid_1),
      .first       (1'b1),
      .last        (1'b1),
      .result      (m_data),
      .result_valid(m_valid)
  );
endmodule
`default_nettype wire
