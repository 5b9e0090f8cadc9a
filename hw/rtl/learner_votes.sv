// Votes of the learner: a counter for each class, and who has most.
//
// cast:     the LANES winners vote, one a clock: LANES clocks, in which no other cast may come
// tally:    high for C clocks, which count and clear: label = the class with most votes, the lowest where several have;
//           votes = its votes; margin = votes less the most that any other class has; valid until the next tally
// storage:  C counters in LUT RAM, of VB = ceil(log2(MOST + 1)) bits; one of all ones stays, and `held` says so
`default_nettype none
module learner_votes #(
    parameter  int C     = 10,  // classes
    parameter  int LANES = 1,   // votes of one cast
    parameter  int MOST  = 8,   // votes that a class can get
    localparam int CW    = C > 1 ? $clog2(C) : 1,
    localparam int VB    = $clog2(MOST + 1)
) (
    input  wire logic                clk,
    input  wire logic                rst,
    input  wire logic                cast,
    input  wire logic [   LANES-1:0] found,       // whether the lane has a vote
    input  wire logic [LANES*CW-1:0] labels,
    input  wire logic                tally,
    input  wire logic                clear,       // the counter of clear_label becomes 0
    input  wire logic [      CW-1:0] clear_label,
    output      logic [      CW-1:0] label,
    output      logic [      VB-1:0] votes,
    output      logic [      VB-1:0] margin,
    output      logic                held          // a vote is lost in this clock
);
  (* ram_style = "distributed" *) logic [VB-1:0] counters[1<<CW];
  logic [   LANES-1:0] waiting;  // votes, that of the next clock lowest
  logic [LANES*CW-1:0] waiting_labels;
  logic [      CW-1:0] at, walk, address;
  logic [VB-1:0] count, next, second;

  assign at      = waiting_labels[CW-1:0];
  assign address = clear ? clear_label : tally ? walk : at;
  assign count   = counters[tally ? walk : at];
  assign next    = clear || tally ? '0 : (&count) ? count : count + 1'b1;
  assign margin  = votes - second;
  assign held    = waiting[0] && (&count);

  always_ff @(posedge clk) if (clear || tally || waiting[0]) counters[address] <= next;

  always_ff @(posedge clk) begin
    if (rst) begin
      waiting <= '0;
      walk    <= '0;
    end else begin
      waiting <= cast ? found : waiting >> 1;
      if (tally) walk <= walk == CW'(C - 1) ? '0 : walk + 1'b1;
    end
  end

  always_ff @(posedge clk) begin
    waiting_labels <= cast ? labels : waiting_labels >> CW;
    if (tally) begin
      if (walk == '0 || count > votes) begin
        label  <= walk;
        votes  <= count;
        second <= walk == '0 ? '0 : votes;
      end else if (count > second) begin
        second <= count;
      end
    end
  end
endmodule
`default_nettype wire
