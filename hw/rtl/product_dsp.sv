// Products of one activation and one weight or two, made in one DSP block (flow/synth.py sees to it).
//
// formula:  p[i] = x * w[i],  i <= PAIR          latency: 1 clock with `enable`          rate: 1 a clock
// pair:     two weights lie in one operand, w1*2^P_BITS + w0; the low half of its product with x is x*w0, and the high
//           half is x*w1 less 1 where x*w0 is negative
`default_nettype none
module product_dsp #(
    parameter  int X_BITS   = 4,  // bits of the activation
    parameter  int X_SIGNED = 0,  // 1: two's complement
    parameter  int W_BITS   = 4,  // bits of a weight, two's complement
    parameter  int P_BITS   = 8,  // bits of a product, two's complement; holds every x * w
    parameter  int PAIR     = 1,  // 1: two weights
    localparam int N        = PAIR + 1
) (
    input  wire logic                clk,
    input  wire logic                enable,
    input  wire logic [  X_BITS-1:0] x,
    input  wire logic [N*W_BITS-1:0] w,
    output      logic [N*P_BITS-1:0] p
);
  localparam int A_BITS = PAIR != 0 ? P_BITS + W_BITS + 1 : W_BITS;

  logic signed [         X_BITS:0] value;  // the activation with a sign bit
  logic signed [       A_BITS-1:0] weights;
  logic signed [A_BITS+X_BITS:0] dsp_product;  // flow/synth.py knows the multiplier by this name

  assign value = {X_SIGNED != 0 && x[X_BITS-1], x};
  assign dsp_product  = weights * value;

  if (PAIR != 0) begin : two
    logic signed [W_BITS-1:0] w0, w1;
    logic        [P_BITS-1:0] high;
    assign {w1, w0} = w;
    assign weights  = {(W_BITS + 1)'(w1) - (W_BITS + 1)'(w0[W_BITS-1]), P_BITS'(w0)};
    assign high     = dsp_product[P_BITS+:P_BITS] + P_BITS'(dsp_product[P_BITS-1]);
    always_ff @(posedge clk) if (enable) p <= {high, dsp_product[P_BITS-1:0]};
  end else begin : one
    assign weights = w;
    always_ff @(posedge clk) if (enable) p <= P_BITS'(dsp_product);
  end

  logic unused;  // upper bits that no product needs
  assign unused = &{1'b0, dsp_product};
endmodule
`default_nettype wire
