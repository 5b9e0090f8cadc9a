// Multiplexer convolution: one weight a kernel, so a K*K:1 multiplexer replaces K*K multiplications
// (arXiv 1812.11337, arXiv 1905.12300); or KEPT weights a kernel and as many multiplexers. PE output channels x SIMD
// input channels a clock. With SHARED all outputs read an input channel at the same taps: one multiplexer serves them.
//
// formula:  with SIGN_ONLY a weight is one bit, and  -x  is made as  ~x = -x - 1,  without an adder:
//           y[n*PE + p] = sum over f < SF, s < SIMD of (w ? ~x : x),  which is the sum of +-x less the number of w = 1;
//           else  y[n*PE + p] = sum over f < SF, s < SIMD, q < KEPT of w * x[tap][f*SIMD + s],  n < NF,  with w and tap
//           the q-th of the pair (output n*PE + p, input f*SIMD + s); with COMPLEMENT made of size * x and size * ~x
//           (product.sv), to which OFFSETS add what they lack
// input:    HOLD = 1: the layout of `window`, element ((f*TAPS + tap)*SIMD + s), held for NF*SF clocks
//           HOLD = 0: that of `window_folded`, a beat is one group f, element (tap*SIMD + s), and all SF come NF times
// weights:  entry ((n*SF + f)*PE*SIMD + p*SIMD + s)*KEPT + q of POSITIONS (T_BITS each) and WEIGHTS (W_BITS each)
// rate:     one window each NF*SF clocks (HOLD = 0: one beat in a clock), one beat of PE results each SF clocks
// latency:  2 (SIGN_ONLY: 1) + ceil(ceil(log2(SIMD*KEPT)) / EVERY) clocks from the window to the first result, SF more if SF > 1
//           or COMPLEMENT
// stall:    the whole cell waits while a result is not taken
`default_nettype none
module mux_mac #(
    parameter  int                             PE        = 1,   // output channels at a time
    parameter  int                             SIMD      = 1,   // input channels at a time
    parameter  int                             NF        = 1,   // output folds: output channels = NF*PE
    parameter  int                             SF        = 1,   // input folds: input channels = SF*SIMD
    parameter  int                             TAPS      = 9,   // positions of a kernel, K*K; 2 or more
    parameter  int                             KEPT      = 1,   // weights of a kernel; 1 or more
    parameter  int                             SHARED    = 0,   // 1: the taps of a pair are those of output 0
    parameter  int                             HOLD      = 1,   // 1: a beat is the whole window, 0: one input fold
    parameter  int                             X_BITS    = 4,   // bits of an activation
    parameter  int                             X_SIGNED  = 0,   // 1: activations are two's complement
    parameter  int                             SIGN_ONLY = 0,   // 1: weights are +1 and -1, one bit each
    parameter  int                             W_BITS    = 4,   // bits of a weight, two's complement; 1 if SIGN_ONLY
    parameter  int                             POWERS    = 0,   // 1: weights of 0 and powers of two, coded as product.sv says; not unfolded
    parameter  int                             COMPLEMENT = 0,  // 1: weights are {negative, size} as product.sv says; not unfolded
    parameter  int                             P_BITS    = 8,   // bits of a product, two's complement; unsigned if COMPLEMENT and not X_SIGNED
    parameter  int                             ACC_BITS  = 12,  // bits of a result, two's complement
    parameter  int                             EVERY     = 1,   // levels of adders between two registers
    localparam int                             T_BITS    = $clog2(TAPS),
    localparam int                             GROUPS    = HOLD != 0 ? SF : 1,  // input folds in a beat
    localparam int                             LANES     = PE * SIMD * KEPT,
    parameter  [NF*SF*LANES*T_BITS-1:0]        POSITIONS = '0,  // the taps of each pair
    parameter  [NF*SF*LANES*W_BITS-1:0]        WEIGHTS   = '0,  // the weights of each pair
    parameter  [(COMPLEMENT != 0 ? NF*PE : 1)*ACC_BITS-1:0] OFFSETS = '0  // if COMPLEMENT: that of output n*PE + p at (n*PE + p)*ACC_BITS
) (
    input  wire logic                               clk,
    input  wire logic                               rst,
    input  wire logic [GROUPS*TAPS*SIMD*X_BITS-1:0] s_data,
    input  wire logic                               s_valid,
    output      logic                               s_ready,
    output      logic [            PE*ACC_BITS-1:0] m_data,
    output      logic                               m_valid,
    input  wire logic                               m_ready
);
  localparam int FOLDS = NF * SF;
  localparam int FW = FOLDS > 1 ? $clog2(FOLDS) : 1;
  localparam int SW = SF > 1 ? $clog2(SF) : 1;
  // Multiplexers, and the clocks after which they start anew.
  localparam int MUXES = SHARED != 0 ? SIMD * KEPT : LANES;
  localparam int TURNS = SHARED != 0 ? SF : FOLDS;
  localparam int TW = TURNS > 1 ? $clog2(TURNS) : 1;
  // With few turns the turn itself is the select: each lane is a TURNS:1 multiplexer of constant taps. With many, the
  // position comes out of the ROM and each lane is a TAPS:1 multiplexer.
  localparam bit BY_TURN = TURNS <= TAPS;

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

  // Stage 0: the multiplexers, and the weights beside them.
  logic [MUXES*X_BITS-1:0] chosen;  // combinational
  logic [          TW-1:0] turn;
  logic                    valid_0, first_0, last_0;

  assign turn = SHARED != 0 ? TW'(part) : TW'(fold);

  for (genvar i = 0; i < MUXES; i++) begin : multiplexer
    localparam int S = i / KEPT % SIMD;  // the input channel of the group
    if (BY_TURN) begin : by_turn
      logic [TURNS*X_BITS-1:0] taps;
      for (genvar f = 0; f < TURNS; f++) begin : choice
        localparam int TAP = int'(POSITIONS[(f*LANES+i)*T_BITS+:T_BITS]);
        assign taps[f*X_BITS+:X_BITS] = s_data[(((f%GROUPS)*TAPS+TAP)*SIMD+S)*X_BITS+:X_BITS];
      end
      assign chosen[i*X_BITS+:X_BITS] = taps[int'(turn)*X_BITS+:X_BITS];
    end else begin : by_position
      logic [ TAPS*X_BITS-1:0] taps;
      logic [TURNS*T_BITS-1:0] positions;  // of this multiplexer alone: an index into all of them takes Yosys minutes
      logic [      T_BITS-1:0] position;
      for (genvar f = 0; f < TURNS; f++) begin : place
        assign positions[f*T_BITS+:T_BITS] = POSITIONS[(f*LANES+i)*T_BITS+:T_BITS];
      end
      for (genvar t = 0; t < TAPS; t++) begin : choice
        logic [GROUPS*X_BITS-1:0] parts;
        for (genvar f = 0; f < GROUPS; f++) begin : source
          assign parts[f*X_BITS+:X_BITS] = s_data[((f*TAPS+t)*SIMD+S)*X_BITS+:X_BITS];
        end
        assign taps[t*X_BITS+:X_BITS] = parts[(HOLD != 0 ? int'(part) : 0)*X_BITS+:X_BITS];
      end
      assign position = positions[int'(turn)*T_BITS+:T_BITS];
      assign chosen[i*X_BITS+:X_BITS] = taps[int'(position)*X_BITS+:X_BITS];
    end
  end

  // A tap that no pair keeps is not read at all: its line of the window costs nothing.
  logic unused;
  assign unused = &{1'b0, s_data};

  always_ff @(posedge clk) begin
    if (rst) valid_0 <= 1'b0;
    else if (enable) valid_0 <= s_valid;
  end
  always_ff @(posedge clk) if (enable) {first_0, last_0} <= {part_first, part_last};

  logic [LANES*P_BITS-1:0] terms;
  logic                    terms_valid, terms_first, terms_last;

  if (SIGN_ONLY != 0) begin : signs
    for (genvar i = 0; i < LANES; i++) begin : lane
      logic [X_BITS-1:0] x;
      logic [FOLDS-1:0] negative;
      logic             flip;
      logic [ X_BITS:0] term;
      for (genvar f = 0; f < FOLDS; f++) begin : choice
        assign negative[f] = WEIGHTS[(f*LANES+i)*W_BITS];
      end
      assign flip = negative[fold];
      assign x    = chosen[i%MUXES*X_BITS+:X_BITS];
      always_ff @(posedge clk) if (enable) term <= {X_SIGNED != 0 && x[X_BITS-1], x} ^ {X_BITS + 1{flip}};
      assign terms[i*P_BITS+:P_BITS] = P_BITS'($signed(term));
    end
    assign {terms_valid, terms_first, terms_last} = {valid_0, first_0, last_0};
  end else begin : products
    logic [MUXES*X_BITS-1:0] x;
    logic [LANES*W_BITS-1:0] w;
    logic                    valid_1, first_1, last_1;
    always_ff @(posedge clk) if (enable) x <= chosen;
    rom #(
        .DEPTH(FOLDS),
        .WIDTH(LANES * W_BITS),
        .WORDS(WEIGHTS)
    ) u_weights (
        .clk    (clk),
        .enable (enable),
        .address(fold),
        .q      (w)
    );
    for (genvar i = 0; i < LANES; i++) begin : lane
      product #(
          .X_BITS  (X_BITS),
          .X_SIGNED(X_SIGNED),
          .W_BITS  (W_BITS),
          .P_BITS  (P_BITS),
          .POWERS  (POWERS),
          .COMPLEMENT(COMPLEMENT),
          .CONSTANT(FOLDS == 1 ? 1 : 0),
          .WEIGHT  (WEIGHTS[i*W_BITS+:W_BITS])
      ) u_product (
          .clk   (clk),
          .enable(enable),
          .x     (x[i%MUXES*X_BITS+:X_BITS]),
          .w     (w[i*W_BITS+:W_BITS]),
          .p     (terms[i*P_BITS+:P_BITS])
      );
    end
    always_ff @(posedge clk) begin
      if (rst) valid_1 <= 1'b0;
      else if (enable) valid_1 <= valid_0;
    end
    always_ff @(posedge clk) if (enable) {first_1, last_1} <= {first_0, last_0};
    assign {terms_valid, terms_first, terms_last} = {valid_1, first_1, last_1};
  end

  mac_accumulate #(
      .PE       (PE),
      .SIMD     (SIMD * KEPT),
      .SF       (SF),
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
      .valid       (terms_valid),
      .first       (terms_first),
      .last        (terms_last),
      .result      (m_data),
      .result_valid(m_valid)
  );
endmodule
`default_nettype wire
