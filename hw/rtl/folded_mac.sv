// Matrix times vector, folded: PE outputs x SIMD inputs a clock. Convolution behind a `window`, or a dense layer.
//
// formula:  y[n*PE + p] = sum over f < SF, s < SIMD of w[n*PE + p][f*SIMD + s] * x[f*SIMD + s],  n < NF
//           with COMPLEMENT made of size * x and size * ~x (product.sv), to which OFFSETS add what they lack
//           with BINARY an activation and a weight are one bit: 1 for -1, 0 for 1 (cell sign_count, no multiplier)
// weights:  word n*SF + f of the ROM holds w[n*PE + p][f*SIMD + s] at bits (p*SIMD + s)*W_BITS
// rate:     one vector each NF*SF clocks, one beat of PE results each SF clocks
// latency:  2 + ceil(ceil(log2(TERMS)) / EVERY) clocks from the last input of a sum to its result, 1 more if SF > 1 or
//           COMPLEMENT, 1 more if BLOCK;
//           TERMS = SIMD, if BINARY a quarter of it
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
    parameter int                          POWERS   = 0,   // 1: weights of 0 and powers of two, coded as product.sv says; not unfolded
    parameter int                          COMPLEMENT = 0,  // 1: weights are {negative, size} as product.sv says; not unfolded, nor with BINARY or DSP
    parameter int                          P_BITS   = 8,   // bits of a product, two's complement; unsigned if COMPLEMENT and not X_SIGNED
    parameter int                          ACC_BITS = 12,  // bits of a result, two's complement
    parameter int                          BINARY   = 0,   // 1: -1 and 1 times -1 and 1; X_BITS and W_BITS are 1
    parameter int                          DSP      = 0,   // products in DSP blocks: 1 one each, 2 one for two outputs (PE even)
    parameter int                          EVERY    = 1,   // levels of adders between two registers
    parameter int                          BLOCK    = 0,   // 1: weights in block RAM
    parameter                              FILE     = "",  // weight file, one word a line, if BLOCK
    localparam int                         WORD     = PE * SIMD * W_BITS,
    parameter [(BLOCK != 0 ? 1 : NF*SF)*WORD-1:0] WEIGHTS = '0,  // the weights if not BLOCK
    parameter [(COMPLEMENT != 0 ? NF*PE : 1)*ACC_BITS-1:0] OFFSETS = '0,  // if COMPLEMENT: that of output n*PE + p at (n*PE + p)*ACC_BITS
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

  if (DSP < 0 || DSP > 2 || (DSP == 2 && PE % 2 != 0)) begin : bad_dsp
    ERROR_DSP_must_be_0_to_2_and_2_needs_an_even_PE error ();
  end
  if (COMPLEMENT != 0 && (BINARY != 0 || DSP != 0)) begin : bad_complement
    ERROR_COMPLEMENT_excludes_BINARY_and_DSP error ();
  end
  if (BINARY != 0 && (X_BITS != 1 || W_BITS != 1)) begin : bad_bits
    ERROR_BINARY_needs_X_BITS_and_W_BITS_of_1 error ();
  end

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

  // Stage 0: operands. What a block RAM reads comes late in its clock, so it passes one more register.
  logic [SLICE-1:0] x_read, x;
  logic [WORD-1:0] w_read, w;
  logic valid_read, first_read, last_read;
  logic valid_0, first_0, last_0;

  if (HOLD != 0 && SF > 1) begin : slice
    always_ff @(posedge clk) if (enable) x_read <= s_data[int'(part)*SLICE+:SLICE];
  end else begin : whole
    always_ff @(posedge clk) if (enable) x_read <= s_data[SLICE-1:0];
  end
  always_ff @(posedge clk) begin
    if (rst) valid_read <= 1'b0;
    else if (enable) valid_read <= s_valid;
  end
  always_ff @(posedge clk) if (enable) {first_read, last_read} <= {part_first, part_last};

  if (BLOCK != 0) begin : once_more
    always_ff @(posedge clk) begin
      if (rst) valid_0 <= 1'b0;
      else if (enable) valid_0 <= valid_read;
    end
    always_ff @(posedge clk) if (enable) {x, w, first_0, last_0} <= {x_read, w_read, first_read, last_read};
  end else begin : straight
    assign {x, w, valid_0, first_0, last_0} = {x_read, w_read, valid_read, first_read, last_read};
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
      .q      (w_read)
  );

  // Stage 1: products.
  localparam int TERMS = BINARY != 0 ? (SIMD + 3) / 4 : SIMD;  // of each output
  localparam int TERM_BITS = BINARY != 0 ? 3 : P_BITS;
  logic [PE*TERMS*TERM_BITS-1:0] terms;
  logic valid_1, first_1, last_1;
  localparam int CONSTANT = FOLDS == 1 && BLOCK == 0 ? 1 : 0;

  if (BINARY != 0) begin : signs
    for (genvar i = 0; i < PE * TERMS; i++) begin : lane
      localparam int FROM = i % TERMS * 4;
      localparam int N = SIMD - FROM < 4 ? SIMD - FROM : 4;
      sign_count #(
          .N(N)
      ) u_count (
          .clk   (clk),
          .enable(enable),
          .x     (x[FROM+:N]),
          .w     (w[i/TERMS*SIMD+FROM+:N]),
          .p     (terms[i*TERM_BITS+:TERM_BITS])
      );
    end
  end else if (DSP != 0) begin : blocks
    for (genvar i = 0; i < PE / DSP * SIMD; i++) begin : lane
      localparam int FIRST = i / SIMD * DSP * SIMD + i % SIMD;  // the term of its first output
      logic [DSP*W_BITS-1:0] weights;
      logic [DSP*P_BITS-1:0] products;
      for (genvar o = 0; o < DSP; o++) begin : output_channel
        assign weights[o*W_BITS+:W_BITS] = w[(FIRST+o*SIMD)*W_BITS+:W_BITS];
        assign terms[(FIRST+o*SIMD)*P_BITS+:P_BITS] = products[o*P_BITS+:P_BITS];
      end
      product_dsp #(
          .X_BITS  (X_BITS),
          .X_SIGNED(X_SIGNED),
          .W_BITS  (W_BITS),
          .P_BITS  (P_BITS),
          .PAIR    (DSP - 1)
      ) u_product (
          .clk   (clk),
          .enable(enable),
          .x     (x[i%SIMD*X_BITS+:X_BITS]),
          .w     (weights),
          .p     (products)
      );
    end
  end else begin : numbers
    for (genvar i = 0; i < PE * SIMD; i++) begin : lane
      product #(
          .X_BITS  (X_BITS),
          .X_SIGNED(X_SIGNED),
          .W_BITS  (W_BITS),
          .P_BITS  (P_BITS),
          .POWERS  (POWERS),
          .COMPLEMENT(COMPLEMENT),
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
  end

  always_ff @(posedge clk) begin
    if (rst) valid_1 <= 1'b0;
    else if (enable) valid_1 <= valid_0;
  end
  always_ff @(posedge clk) if (enable) {first_1, last_1} <= {first_0, last_0};

  // Counts of signs are half of the sum, and a term with an odd number of them lacks 1 each fold.
  localparam int SUM_BITS = BINARY != 0 ? ACC_BITS - 1 : ACC_BITS;
  localparam int OFFSET_BITS = (COMPLEMENT != 0 ? NF * PE : 1) * SUM_BITS;
  logic [PE*SUM_BITS-1:0] sums;
  if (BINARY == 0) begin : whole_sums
    assign m_data = sums;
  end else begin : half_sums
    for (genvar p = 0; p < PE; p++) begin : output_channel
      if (SIMD % 2 == 0 || SF == 1) begin : wired
        assign m_data[p*ACC_BITS+:ACC_BITS] = {sums[p*SUM_BITS+:SUM_BITS], 1'(SIMD % 2)};
      end else begin : added
        assign m_data[p*ACC_BITS+:ACC_BITS] = {sums[p*SUM_BITS+:SUM_BITS], 1'b0} + ACC_BITS'(SF);
      end
    end
  end

  mac_accumulate #(
      .PE       (PE),
      .SIMD     (TERMS),
      .SF       (SF),
      .TERM_BITS(TERM_BITS),
      .SIGNED   (COMPLEMENT != 0 && X_SIGNED == 0 ? 0 : 1),
      .ACC_BITS (SUM_BITS),
      .EVERY    (EVERY),
      .ADDS     (COMPLEMENT),
      .NF       (NF),
      .OFFSETS  (OFFSET_BITS'(OFFSETS))
  ) u_sum (
      .clk         (clk),
      .rst         (rst),
      .enable      (enable),
      .terms       (terms),
      .valid       (valid_1),
      .first       (first_1),
      .last        (last_1),
      .result      (sums),
      .result_valid(m_valid)
  );
endmodule
`default_nettype wire
