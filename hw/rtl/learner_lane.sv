// One lane of the learner: the anchors of every LANES-th subspace, their memories, distance, search and update.
//
// memories: ROWS rows of {n, y[W-1..0]} in one memory, of r[W-1..0] in another that only updates read; one address for
//           reading and writing; two banks of GROUPS subvectors of features
// latency:  SCORE = 4 + ceil(ceil(log2(W)) / EVERY) clocks, 1 more if POLICY is 0, from read_row to the score in the
//           search (`scan`), 1 more to the winner; 3 clocks from read_row to `load`, see learner_update.sv from there;
//           read_x comes 1 clock after read_row
// rate:     1 row a clock
`default_nettype none
module learner_lane #(
    parameter  int W           = 8,    // elements of a subvector
    parameter  int GROUPS      = 8,    // subspaces of the lane
    parameter  int K           = 4,    // anchors of a class in a subspace
    parameter  int C           = 10,   // classes
    parameter  int F           = 8,    // bits of a feature
    parameter  int FRAC        = 4,    // fraction bits of an anchor
    parameter  int N           = 8,    // bits of a count
    parameter  int POLICY      = 0,    // anchor that learns: 0 weighted, 1 round-robin, 2 random, 3 nearest
    parameter  int L2          = 0,    // 1: squared distance
    parameter  int SIGNED      = 0,    // 1: features and anchors are two's complement
    parameter  int EVERY       = 2,    // levels of adders between two registers
    parameter  int BLOCK       = 1,    // 1: anchors and remainders in block RAM
    parameter  int FRAME_BLOCK = 0,    // 1: features in block RAM
    localparam int A           = F + FRAC,
    localparam int RB          = W * (A + N) + N,
    localparam int ROWS        = GROUPS * C * K,
    localparam int AW          = ROWS > 1 ? $clog2(ROWS) : 1,
    localparam int GW          = GROUPS > 1 ? $clog2(GROUPS) : 1,
    localparam int KW          = K > 1 ? $clog2(K) : 1,
    localparam int CW          = C > 1 ? $clog2(C) : 1
) (
    input  wire logic           clk,
    // Features.
    input  wire logic [W*F-1:0] s_data,
    input  wire logic           write_x,
    input  wire logic [   GW:0] write_x_address,  // {bank, group}
    input  wire logic           read_x,
    input  wire logic [   GW:0] read_x_address,
    // Rows.
    input  wire logic [ AW-1:0] row,
    input  wire logic           pick,             // add the anchor that learns to the row
    input  wire logic [ KW-1:0] choice,           // that anchor, if POLICY is 1 or 2
    input  wire logic           read_row,
    input  wire logic           read_rest,
    input  wire logic           write_row,
    input  wire logic           learnt,           // write what has been learnt, if the anchor was not full
    input  wire logic [ RB-1:0] row_in,           // written else: {n, r, y}
    output      logic [ RB-1:0] row_out,          // what was read
    // Search.
    input  wire logic           learning,
    input  wire logic           scan,
    input  wire logic           first,
    output      logic           found,
    output      logic [ CW-1:0] label,
    // Update.
    input  wire logic           load,
    input  wire logic           step,
    output      logic           full
);
  localparam int ABITS = W * A + N;
  localparam int DB = (L2 != 0 ? 2 * A : A) + $clog2(W);
  localparam int SB = POLICY == 0 ? DB + N : DB;
  localparam int DELAY = 2 + ($clog2(W) + EVERY - 1) / EVERY;  // from a row to its distance

  logic [W*F-1:0] x;
  line_memory #(
      .DEPTH(2 << GW),
      .WIDTH(W * F),
      .BLOCK(FRAME_BLOCK)
  ) u_features (
      .clk          (clk),
      .read_enable  (read_x),
      .read_address (read_x_address),
      .q            (x),
      .write_enable (write_x),
      .write_address(write_x_address),
      .d            (s_data)
  );

  logic [AW-1:0] address;
  logic [KW-1:0] chosen;
  logic write;
  logic [ABITS-1:0] anchors, anchors_in;
  logic [W*N-1:0] r, r_in;
  logic [W*A-1:0] y_next;
  logic [W*N-1:0] r_next;
  logic [N-1:0] n, n_next;
  assign address    = row + (pick ? AW'(chosen) : '0);
  assign write      = write_row && !(learnt && full);
  assign anchors_in = learnt ? {n_next, y_next} : {row_in[RB-1-:N], row_in[W*A-1:0]};
  assign r_in       = learnt ? r_next : row_in[W*A+:W*N];
  assign n          = anchors[W*A+:N];
  assign row_out    = {n, r, anchors[W*A-1:0]};

  learner_memory #(
      .DEPTH(ROWS),
      .WIDTH(ABITS),
      .BLOCK(BLOCK)
  ) u_anchors (
      .clk    (clk),
      .address(address),
      .read   (read_row),
      .write  (write),
      .d      (anchors_in),
      .q      (anchors)
  );
  learner_memory #(
      .DEPTH(ROWS),
      .WIDTH(W * N),
      .BLOCK(BLOCK)
  ) u_remainders (
      .clk    (clk),
      .address(address),
      .read   (read_rest),
      .write  (write),
      .d      (r_in),
      .q      (r)
  );

  logic [W*(A+1)-1:0] difference;
  logic [     DB-1:0] distance;
  learner_distance #(
      .W     (W),
      .F     (F),
      .FRAC  (FRAC),
      .SIGNED(SIGNED),
      .L2    (L2),
      .EVERY (EVERY)
  ) u_distance (
      .clk       (clk),
      .x         (x),
      .y         (anchors[W*A-1:0]),
      .difference(difference),
      .distance  (distance)
  );

  // The count goes beside the distance: it says that the anchor is empty, or is the weight of its distance.
  logic [SB-1:0] score;
  logic empty;
  if (POLICY == 0) begin : weighted
    logic [DELAY*N-1:0] counts;
    logic [N-1:0] count;
    logic signed [N:0] weight;
    assign count  = counts[(DELAY-1)*N+:N];
    assign weight = learning ? {1'b0, count} : (N + 1)'(1);
    always_ff @(posedge clk) begin
      counts <= (DELAY * N)'({counts, n});
      empty  <= count == '0;
    end
    product_dsp #(
        .X_BITS(DB),
        .W_BITS(N + 1),
        .P_BITS(SB),
        .PAIR  (0)
    ) u_score (
        .clk   (clk),
        .enable(1'b1),
        .x     (distance),
        .w     (weight),
        .p     (score)
    );
  end else begin : plain
    logic [DELAY-1:0] empties;
    always_ff @(posedge clk) empties <= DELAY'({empties, n == '0});
    assign empty = empties[DELAY-1];
    assign score = distance;
  end

  logic [KW-1:0] best;
  learner_scan #(
      .K (K),
      .C (C),
      .SB(SB)
  ) u_scan (
      .clk     (clk),
      .learning(learning),
      .scan    (scan),
      .first   (first),
      .empty   (empty),
      .score   (score),
      .found   (found),
      .label   (label),
      .anchor  (best)
  );
  if (POLICY == 1 || POLICY == 2) begin : told
    assign chosen = choice;
    logic unused;
    assign unused = &{1'b0, best};
  end else begin : searched
    assign chosen = best;
    logic unused;
    assign unused = &{1'b0, choice};
  end

  learner_update #(
      .W(W),
      .A(A),
      .N(N)
  ) u_update (
      .clk       (clk),
      .load      (load),
      .step      (step),
      .difference(difference),
      .y         (anchors[W*A-1:0]),
      .r         (r),
      .n         (n),
      .y_next    (y_next),
      .r_next    (r_next),
      .n_next    (n_next),
      .full      (full)
  );
endmodule
`default_nettype wire
