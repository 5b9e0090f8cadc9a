// Matrix times vector, folded: PE outputs x SIMD inputs a clock. Convolution behind a `window`, or a dense layer.
//
// formula:  y[n*PE + p] = sum over f < SF, s < SIMD of w[n*PE + p][f*SIMD + s] * x[f*SIMD + s],  n < NF
// weights:  word n*SF + f of the ROM holds w[n*PE + p][f*SIMD + s] at bits (p*SIMD + s)*W_BITS
// rate:     one vector each NF*SF clocks, one beat of PE results each SF clocks
// latency:  2 + ceil(ceil(log2(SIMD)) / EVERY) clocks from the last input of a sum to its result, 1 more if SF > 1
// stall:    the whole cell waits while a result is not taken
`default_nettype none
module folded_mac #(
    parameter int                          PE       = 1,   // outputs at a time
    parameter int                          SIMD     = 1,   // inputs at a time
    parameter int                          NF       = 1,   // output folds: outputs = NF*PE
    parameter int                          SF       = 1,   // input folds: inputs = SF*SIMD
    parameter int                          HOLD     = 1,   // 1: a beat is the whole vector; 0: SIMD elements, and NF > 1 needs a `replay` before
    parameter int                          X_BITS   = 4,   // bits of an activation
    parameter int                          X_SIGNED = 0,   // 1: activations are two's complement
    parameter int                          W_BITS   = 4,   // bits of a weight, two's complement
    parameter int                          P_BITS   = 8,   // bits of a product, two's complement
    parameter int                          ACC_BITS = 12,  // bits of a result, two's complement
    parameter int                          EVERY    = 1,   // levels of adders between two registers
    parameter int                          BLOCK    = 0,   // 1: weights in block RAM
    parameter                              FILE     = "",  // weight file, one word a line, if BLOCK
    localparam int                         WORD     = PE * SIMD * W_BITS,
    parameter [(BLOCK != 0 ? 1 : NF*SF)*WORD-1:0] WEIGHTS = '0,  // the weights if not BLOCK
    localparam int                         BEAT     = (HOLD != 0 ? SF : 1) * SIMD * X_BITS
) (
    input  wire logic                   clk,
    input  wire logic                   rst,
    input  wire logic [       BEAT-1:0] s_data,
    input  wire logic                   s_valid,
    output      logic                   s_ready,
    output      logic [PE*ACC_BITS-1:0] m_data,
    output      logic                   m_valid,
    input  wire logic                   m_ready
);
  localparam int FOLDS = NF * SF;
  localparam int FW = FOLDS > 1 ? $clog2(FOLDS) : 1;
  localparam int SW = SF > 1 ? $clog2(SF) : 1;
  localparam int SLICE = SIMD * X_BITS;

  logic          enable;
  logic [FW-1:0] fold;
  logic [SW-1:0] part;  // fold modulo SF
  logic          part_first, part_last, fold_last;

  assign enable     = !m_valid || m_ready;
  assign part_first = part == '0;
  assign part_last  = part == SW'(SF - 1);
  assign fold_last  = fold == FW'(FOLDS - 1);
  assign s_ready    = enable && (HOLD == 0 || fold_last);

  always_ff @(posedge clk) begin
    if (rst) begin
      fold <= '0;
      part <= '0;
    end else if (enable && s_valid) begin
      fold <= fold_last ? '0 : fold + 1'b1;
      part <= part_last ? '0 : part + 1'b1;
    end
  end

  // Stage 0: operands.
  logic [         SLICE-1:0] x;
  logic [PE*SIMD*W_BITS-1:0] w;
  logic valid_0, first_0, last_0;

  if (HOLD != 0 && SF > 1) begin : slice
    always_ff @(posedge clk) if (enable) x <= s_data[int'(part)*SLICE+:SLICE];
  end else begin : whole
    always_ff @(posedge clk) if (enable) x <= s_data[SLICE-1:0];
  end

  rom #(
      .DEPTH(FOLDS),
      .WIDTH(WORD),
      .BLOCK(BLOCK),
      .FILE (FILE),
      .WORDS(WEIGHTS)
  ) u_weights (
      .clk    (clk),
      .enable (enable),
      .address(fold),
      .q      (w)
  );

  // Stage 1: products.
  logic [PE*SIMD*P_BITS-1:0] terms;
  logic valid_1, first_1, last_1;
  localparam int CONSTANT = FOLDS == 1 && BLOCK == 0 ? 1 : 0;

  for (genvar i = 0; i < PE * SIMD; i++) begin : lane
    product #(
        .X_BITS  (X_BITS),
        .X_SIGNED(X_SIGNED),
        .W_BITS  (W_BITS),
        .P_BITS  (P_BITS),
        .CONSTANT(CONSTANT),
        .WEIGHT  (WEIGHTS[i*W_BITS+:W_BITS])
    ) u_product (
        .clk   (clk),
        .enable(enable),
        .x     (x[(i%SIMD)*X_BITS+:X_BITS]),
        .w     (w[i*W_BITS+:W_BITS]),
        .p     (terms[i*P_BITS+:P_BITS])
    );
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
  always_ff @(posedge clk) begin
    if (enable) begin
      {first_0, last_0} <= {part_first, part_last};
      {first_1, last_1} <= {first_0, last_0};
    end
  end

  mac_accumulate #(
      .PE       (PE),
      .SIMD     (SIMD),
      .SF       (SF),
      .TERM_BITS(P_BITS),
      .ACC_BITS (ACC_BITS),
      .EVERY    (EVERY)
  ) u_sum (
      .clk         (clk),
      .rst         (rst),
      .enable      (enable),
      .terms       (terms),
      .valid       (valid_1),
      .first       (first_1),
      .last        (last_1),
      .result      (m_data),
      .result_valid(m_valid)
  );
endmodule
`default_nettype wire
