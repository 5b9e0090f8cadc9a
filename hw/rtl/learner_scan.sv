// Search of the learner: the best of the anchors that go by, one a clock.
//
// formula:  learning = 0: the anchor of least score that is not empty; `found` is 0 where all are
//           learning = 1: the first empty anchor, else the anchor of least score
//           ties go to the first; `label` and `anchor` say which it was, counted from `first` on, K anchors a label
// latency:  1 clock from the last score to the answer, which stays until the next `first`          rate: 1 score a clock
`default_nettype none
module learner_scan #(
    parameter  int K  = 4,   // anchors of a class in a subspace
    parameter  int C  = 10,  // classes
    parameter  int SB = 24,  // bits of a score, unsigned
    localparam int KW = K > 1 ? $clog2(K) : 1,
    localparam int CW = C > 1 ? $clog2(C) : 1
) (
    input  wire logic          clk,
    input  wire logic          learning,
    input  wire logic          scan,      // a score is there
    input  wire logic          first,     // it is the first of a search
    input  wire logic          empty,     // its anchor is empty: it has no score
    input  wire logic [SB-1:0] score,
    output      logic          found,
    output      logic [CW-1:0] label,
    output      logic [KW-1:0] anchor
);
  logic [CW-1:0] at_label, this_label;  // of the next score, and of the one that is there
  logic [KW-1:0] at_anchor, this_anchor;
  logic [SB-1:0] best;
  logic found_empty;  // the best is an empty anchor, which nothing beats
  logic better;

  assign this_label  = first ? '0 : at_label;
  assign this_anchor = first ? '0 : at_anchor;
  // A search knows nothing of the one before it.
  assign better = empty ? learning && (first || !found_empty) : first || !found || (!found_empty && score < best);

  always_ff @(posedge clk) begin
    if (scan) begin
      at_anchor <= this_anchor == KW'(K - 1) ? '0 : this_anchor + 1'b1;
      at_label  <= this_anchor == KW'(K - 1) ? this_label + 1'b1 : this_label;
      if (first) begin
        found       <= 1'b0;
        found_empty <= 1'b0;
      end
      if (better) begin
        found       <= 1'b1;
        found_empty <= empty;
        best        <= score;
        label       <= this_label;
        anchor      <= this_anchor;
      end
    end
  end
endmodule
`default_nettype wire
