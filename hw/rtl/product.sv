// One product of an activation and a weight, in the cheapest form for its sizes.
//
// formula:  p = x * w          latency: 1 clock with `enable`          rate: 1 a clock
//           with COMPLEMENT  p = size * (negative ? ~x : x),  ~x = 2^X_BITS - 1 - x, or -1 - x if X_SIGNED: what that
//           lacks of -size * x is a constant, which mac_accumulate adds; p is two's complement only if X_SIGNED
// forms:    a constant weight and at most 4 bits of activation: a table (one LUT4 a bit of p);
//           POWERS: weights of 0 and powers of two, as {negative, e + 1} for 2^e and 0 for 0: a shift, no multiplier;
//           weights of 1 or 2 bits (-1, 0, 1, never -2): pass, drop or negate; otherwise a multiplication;
//           COMPLEMENT: the same without any negation, and sizes of 2 and 3 bits by tables of two bits of x each.
// one bit:  W_BITS = 1 is two's complement as well: 0 is 0, and 1 is -1. With COMPLEMENT the only bit is `negative` and
//           there is no size: 0 passes x, 1 passes ~x. POWERS needs 2 bits or more.
`default_nettype none
module product #(
    parameter int                     X_BITS    = 4,  // bits of the activation
    parameter int                     X_SIGNED  = 0,  // 1: two's complement
    parameter int                     W_BITS    = 4,  // bits of the weight, two's complement if not COMPLEMENT
    parameter int                     P_BITS    = 8,  // bits of the product; holds every p
    parameter int                     POWERS    = 0,  // 1: weights are powers of two; not with CONSTANT
    parameter int                     COMPLEMENT = 0,  // 1: a weight is {negative, size}, a size of no bits is 1; not with CONSTANT
    parameter int                     CONSTANT  = 0,  // 1: the weight is WEIGHT, port w is not used
    parameter     signed [W_BITS-1:0] WEIGHT    = '0  // the constant weight
) (
    input  wire logic              clk,
    input  wire logic              enable,
    input  wire logic [X_BITS-1:0] x,
    input  wire logic [W_BITS-1:0] w,
    output      logic [P_BITS-1:0] p
);
  if (POWERS != 0 && (CONSTANT != 0 || W_BITS < 2)) begin : bad_powers
    ERROR_POWERS_needs_W_BITS_of_2_or_more_and_no_CONSTANT error ();
  end
  if (COMPLEMENT != 0 && CONSTANT != 0) begin : bad_complement
    ERROR_COMPLEMENT_and_CONSTANT_exclude_each_other error ();
  end

  logic signed [X_BITS:0] value;  // the activation with a sign bit

  assign value = {X_SIGNED != 0 && x[X_BITS-1], x};

  if (CONSTANT != 0 && X_BITS <= 4) begin : by_table
    logic [(1<<X_BITS)*P_BITS-1:0] entries;
    for (genvar i = 0; i < (1 << X_BITS); i++) begin : entry
      localparam int VALUE = (X_SIGNED != 0 && i >= (1 << (X_BITS - 1))) ? i - (1 << X_BITS) : i;
      localparam int RESULT = VALUE * int'(WEIGHT);
      assign entries[i*P_BITS+:P_BITS] = P_BITS'(RESULT);
    end
    always_ff @(posedge clk) if (enable) p <= entries[int'(x)*P_BITS+:P_BITS];
    logic unused;
    assign unused = &{1'b0, w, value};
  end else if (COMPLEMENT != 0) begin : by_complement
    localparam int S = W_BITS > 1 ? W_BITS - 1 : 1;  // bits of a size
    localparam int D = (X_BITS + 1) / 2;             // digits of two bits
    logic        [X_BITS-1:0] y;
    logic signed [  X_BITS:0] turned;
    logic        [     S-1:0] size;
    assign y      = x ^ {X_BITS{w[W_BITS-1]}};
    assign turned = {X_SIGNED != 0 && y[X_BITS-1], y};
    assign size   = W_BITS > 1 ? w[S-1:0] : '1;
    if (W_BITS == 1) begin : sign
      always_ff @(posedge clk) if (enable) p <= P_BITS'(turned);
    end else if (POWERS != 0) begin : shift
      always_ff @(posedge clk) if (enable) p <= size == '0 ? '0 : P_BITS'(turned) << (size - 1'b1);
    end else if (S == 1) begin : pass
      always_ff @(posedge clk) if (enable) p <= P_BITS'(turned) & {P_BITS{size}};
    end else if (S <= 3) begin : by_digits
      for (genvar i = 0; i < D; i++) begin : digit
        localparam int B = X_BITS - 2 * i < 2 ? 1 : 2;  // bits of this digit
        localparam bit LAST = i == D - 1;
        logic [(1<<(B+S))*P_BITS-1:0] entries;
        logic [P_BITS-1:0] part;
        (* keep *) logic [P_BITS-1:0] sum;
        for (genvar e = 0; e < (1 << (B + S)); e++) begin : entry
          localparam int MINUS = X_SIGNED != 0 && LAST && (e >> (B - 1)) % 2 == 1 ? 1 << B : 0;
          localparam int VALUE = (e % (1 << B) - MINUS) * (e >> B);
          assign entries[e*P_BITS+:P_BITS] = P_BITS'(VALUE);
        end
        assign part = entries[int'({size, y[2*i+:B]})*P_BITS+:P_BITS];
        if (i == 0) begin : lowest
          assign sum = part;
        end else begin : above
          assign sum = {digit[i-1].sum[P_BITS-1:2*i] + (P_BITS - 2 * i)'(part), digit[i-1].sum[2*i-1:0]};
          logic unused_part;  // upper bits, copies of the sign
          assign unused_part = &{1'b0, part};
        end
      end
      always_ff @(posedge clk) if (enable) p <= digit[D-1].sum;
    end else begin : numbers
      always_ff @(posedge clk) if (enable) p <= P_BITS'(turned * $signed({1'b0, size}));
    end
    logic unused;
    assign unused = &{1'b0, value, turned, size};
  end else if (POWERS != 0) begin : by_shift
    logic [W_BITS-2:0] above;  // e + 1
    logic [P_BITS-1:0] shifted;
    assign above   = w[W_BITS-2:0];
    assign shifted = above == '0 ? '0 : P_BITS'(value) << (above - 1'b1);
    always_ff @(posedge clk) if (enable) p <= w[W_BITS-1] ? -shifted : shifted;
    logic unused;  // upper bits that no product needs
    assign unused = &{1'b0, value};
  end else if (W_BITS <= 2) begin : by_sign
    logic [1:0] sign;
    assign sign = CONSTANT != 0 ? 2'(WEIGHT) : 2'($signed(w));
    always_ff @(posedge clk) begin
      if (enable) begin
        if (!sign[0]) p <= '0;
        else p <= sign[1] ? P_BITS'(-value) : P_BITS'(value);
      end
    end
  end else begin : by_multiplier
    logic signed [W_BITS-1:0] weight;
    assign weight = CONSTANT != 0 ? WEIGHT : w;
    always_ff @(posedge clk) if (enable) p <= P_BITS'(value * weight);
  end
endmodule
`default_nettype wire
