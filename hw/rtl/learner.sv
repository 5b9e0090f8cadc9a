// Learner: nearest class mean in subspaces (TILDA), which learns one example at a time, and new classes.
//
// state:    for each class c, subspace p and anchor i: the mean of its n examples, y = floor(mean * 2^FRAC), W = D / P
//           elements of A = F + FRAC bits; remainders r, so that n*y + r is their sum times 2^FRAC; n; all 0: empty.
//           For each class its examples (32 bits) and, if POLICY is 1, the anchor that learns next.
// distance: sum over j of |(x[j] << FRAC) - y[j]|, of its square if L2
// learn:    in each subspace an anchor of the class takes the example (learner_update.sv): POLICY 0 an empty one, else the
//           one of least n * distance; 1 each in turn; 2 a random one (learner_draw.sv); 3 an empty one, else the nearest;
//           ties to the lowest. An anchor with n = 2^N - 1 holds still: SATURATED.
// predict:  in each subspace the class of the nearest anchor that is not empty gets a vote, ties to the lowest class;
//           votes add up until the frame marked as the last version; the class with most votes wins, the lowest of several
// frame:    P beats of W features, subspaces ascending, s_last with the last one; s_user = {last version, learn, label},
//           that of the last beat counts; a frame may arrive while the one before is processed
// result:   one for each frame marked as last version: m_data = {status, margin, votes, label}, label as in s_user; for
//           learn the label that was asked for, votes and margin 0; the status adds up over the versions
// status:   1 EMPTY no anchor had anything (predict), 2 FULL the label is not below C, nothing changed, 4 SATURATED a
//           counter was full (of an anchor, of examples, of votes), 8 BAD a frame was not of P beats, and was dropped
// command:  cmd_op 0 count: rsp_data = examples of class cmd_label; 1 forget class cmd_label; 2 clear, all classes and
//           votes, generator back to SEED; 3 rewind; 4 read, 5 write the next word of the state (learner_port.sv), FULL
//           behind the last one. Commands and frames do not overlap: a command waits for the frames that were taken whole
//           before it, and while it waits or works no frame begins and none becomes whole.
// clocks:   with G = P / LANES, T = ceil(ceil(log2(W)) / EVERY), 1 more if POLICY is 0:
//           predict (G - 1) * max(C*K, LANES) + C*K + T + LANES + 7, C more for the last version
//           learn   G * (STEPS + 6 + (POLICY 0, 3: K + T + 5)) + 3 with STEPS = max(A, N) + 1
//           from frame to frame, P at least; 1 more from a frame's last beat to its result. A bad frame 2 (C more if it is
//           the last version of a query), a label not below C 3
// reset:    clears all memories in G * C * K clocks; frames are taken meanwhile, and processed after
`default_nettype none
module learner #(
    parameter  int D           = 64,  // features
    parameter  int P           = 8,   // subspaces, divides D
    parameter  int K           = 4,   // anchors of a class in a subspace
    parameter  int C           = 10,  // classes
    parameter  int F           = 8,   // bits of a feature
    parameter  int FRAC        = 4,   // fraction bits of an anchor
    parameter  int N           = 12,  // bits of a count
    parameter  int LANES       = 1,   // subspaces at a time, divides P
    parameter  int POLICY      = 0,   // anchor that learns: 0 weighted, 1 round-robin, 2 random, 3 nearest
    parameter  int L2          = 0,   // 1: squared distance
    parameter  int SIGNED      = 0,   // 1: features are two's complement
    parameter  int R_MAX       = 1,   // versions of one query at most, for the width of votes
    parameter  int SEED        = 1,   // of the generator, not 0
    parameter  int EVERY       = 2,   // levels of adders between two registers
    parameter  int BLOCK       = 1,   // 1: anchors and remainders in block RAM
    parameter  int FRAME_BLOCK = 0,   // 1: features in block RAM
    localparam int W           = D / P,
    localparam int LB          = $clog2(C > 2 ? C : 2) + 1,
    localparam int VB          = $clog2(P * R_MAX + 1)
) (
    input  wire logic                 clk,
    input  wire logic                 rst,
    input  wire logic [      W*F-1:0] s_data,
    input  wire logic [       LB+1:0] s_user,
    input  wire logic                 s_last,
    input  wire logic                 s_valid,
    output      logic                 s_ready,
    output      logic [4+2*VB+LB-1:0] m_data,
    output      logic                 m_valid,
    input  wire logic                 m_ready,
    input  wire logic [          2:0] cmd_op,
    input  wire logic [       LB-1:0] cmd_label,
    input  wire logic [         31:0] cmd_data,
    input  wire logic                 cmd_valid,
    output      logic                 cmd_ready,
    output      logic [         31:0] rsp_data,
    output      logic [          3:0] rsp_status,
    output      logic                 rsp_valid,
    input  wire logic                 rsp_ready
);
  localparam int A = F + FRAC;
  localparam int GROUPS = P / LANES;
  localparam int ROWS = GROUPS * C * K;
  localparam int AW = ROWS > 1 ? $clog2(ROWS) : 1;
  localparam int GW = GROUPS > 1 ? $clog2(GROUPS) : 1;
  localparam int KW = K > 1 ? $clog2(K) : 1;
  localparam int CW = C > 1 ? $clog2(C) : 1;
  localparam int RB = W * (A + N) + N;
  localparam int STEPS = (A > N ? A : N) + 1;
  localparam int SCORE = 4 + ($clog2(W) + EVERY - 1) / EVERY + (POLICY == 0 ? 1 : 0);

  if (D % P != 0) begin : bad_subspaces
    ERROR_P_must_divide_D error ();
  end
  if (P % LANES != 0) begin : bad_lanes
    ERROR_LANES_must_divide_P error ();
  end
  if (POLICY < 0 || POLICY > 3) begin : bad_policy
    ERROR_POLICY_must_be_0_to_3 error ();
  end

  // One command at a time.
  logic pending, answer;
  logic [2:0] op;
  logic [LB-1:0] command_label;
  logic [31:0] command_data;
  assign cmd_ready = !pending && !rsp_valid;
  always_ff @(posedge clk) begin
    if (rst) pending <= 1'b0;
    else if (answer) pending <= 1'b0;
    else if (cmd_valid && cmd_ready) pending <= 1'b1;
  end
  always_ff @(posedge clk) if (cmd_ready) {op, command_label, command_data} <= {cmd_op, cmd_label, cmd_data};

  // Frames.
  logic waiting, bad, last, learn, bank, pop;
  logic [LB-1:0] frame_label;
  logic [LANES-1:0] write_x;
  logic [GW:0] write_x_address;
  learner_frames #(
      .BEATS(P),
      .LANES(LANES),
      .USER (LB + 2)
  ) u_frames (
      .clk          (clk),
      .rst          (rst),
      .hold         (pending),
      .s_last       (s_last),
      .s_user       (s_user),
      .s_valid      (s_valid),
      .s_ready      (s_ready),
      .write        (write_x),
      .write_address(write_x_address),
      .waiting      (waiting),
      .bank         (bank),
      .bad          (bad),
      .user         ({last, learn, frame_label}),
      .pop          (pop)
  );

  logic [GW-1:0] x_group;
  logic [AW-1:0] row, port_row;
  logic [LANES-1:0] full, found, port_write;
  logic [LANES*CW-1:0] labels;
  logic [LANES*KW-1:0] drawn;
  logic [LANES*RB-1:0] row_out;
  logic [RB-1:0] row_in;
  logic [LB-1:0] label;
  logic [CW-1:0] class_label, port_label;
  logic [KW-1:0] pointer;
  logic [31:0] examples, word;
  logic [15:0] generator;
  logic [3:0] status;
  logic read_x, pick, read_row, read_rest, write_row, learnt, learning, scan, first, load, step;
  logic cast, tally, clear_votes, votes_held, read_class, clear_class, count_class, restart, advance;
  logic rewind, go, port, port_done, beyond, port_read, port_read_class, set_examples, set_pointer, set_state, send;

  learner_control #(
      .GROUPS(GROUPS),
      .LANES (LANES),
      .K     (K),
      .C     (C),
      .POLICY(POLICY),
      .SCORE (SCORE),
      .STEPS (STEPS)
  ) u_control (
      .clk          (clk),
      .rst          (rst),
      .waiting      (waiting),
      .bad          (bad),
      .last         (last),
      .learn        (learn),
      .frame_label  (frame_label),
      .pop          (pop),
      .pending      (pending),
      .op           (op),
      .command_label(command_label),
      .answer_ready (!rsp_valid || rsp_ready),
      .answer       (answer),
      .x_group      (x_group),
      .read_x       (read_x),
      .row          (row),
      .pick         (pick),
      .read_row     (read_row),
      .read_rest    (read_rest),
      .write_row    (write_row),
      .learnt       (learnt),
      .learning     (learning),
      .scan         (scan),
      .first        (first),
      .load         (load),
      .step         (step),
      .full         (|full),
      .cast         (cast),
      .tally        (tally),
      .clear_votes  (clear_votes),
      .votes_held   (votes_held),
      .class_label  (class_label),
      .read_class   (read_class),
      .clear_class  (clear_class),
      .count_class  (count_class),
      .examples_full(&examples),
      .restart      (restart),
      .advance      (advance),
      .rewind       (rewind),
      .go           (go),
      .port         (port),
      .port_done    (port_done),
      .send_ready   (!m_valid || m_ready),
      .send         (send),
      .status       (status),
      .label        (label)
  );

  for (genvar l = 0; l < LANES; l++) begin : lane
    learner_lane #(
        .W          (W),
        .GROUPS     (GROUPS),
        .K          (K),
        .C          (C),
        .F          (F),
        .FRAC       (FRAC),
        .N          (N),
        .POLICY     (POLICY),
        .L2         (L2),
        .SIGNED     (SIGNED),
        .EVERY      (EVERY),
        .BLOCK      (BLOCK),
        .FRAME_BLOCK(FRAME_BLOCK)
    ) u_lane (
        .clk            (clk),
        .s_data         (s_data),
        .write_x        (write_x[l]),
        .write_x_address(write_x_address),
        .read_x         (read_x),
        .read_x_address ({bank, x_group}),
        .row            (port ? port_row : row),
        .pick           (pick),
        .choice         (POLICY == 1 ? pointer : drawn[l*KW+:KW]),
        .read_row       (read_row || port_read),
        .read_rest      (read_rest || port_read),
        .write_row      (write_row || port_write[l]),
        .learnt         (learnt),
        .row_in         (port ? row_in : '0),
        .row_out        (row_out[l*RB+:RB]),
        .learning       (learning),
        .scan           (scan),
        .first          (first),
        .found          (found[l]),
        .label          (labels[l*CW+:CW]),
        .load           (load),
        .step           (step),
        .full           (full[l])
    );
  end

  logic [CW-1:0] winner;
  logic [VB-1:0] votes, margin;
  learner_votes #(
      .C    (C),
      .LANES(LANES),
      .MOST (P * R_MAX)
  ) u_votes (
      .clk        (clk),
      .rst        (rst),
      .cast       (cast),
      .found      (found),
      .labels     (labels),
      .tally      (tally),
      .clear      (clear_votes),
      .clear_label(class_label),
      .label      (winner),
      .votes      (votes),
      .margin     (margin),
      .held       (votes_held)
  );

  learner_draw #(
      .K    (K),
      .LANES(LANES),
      .SEED (SEED)
  ) u_draw (
      .clk    (clk),
      .rst    (rst),
      .restart(restart),
      .set    (set_state),
      .value  (command_data[15:0]),
      .advance(advance),
      .state  (generator),
      .anchors(drawn)
  );

  // Examples and pointer of each class.
  logic [31:0] examples_in;
  logic [KW-1:0] pointer_in, pointer_word;
  assign pointer_word = command_data[KW-1:0];
  always_comb begin
    examples_in = (&examples) ? examples : examples + 1'b1;
    pointer_in  = POLICY != 1 || pointer == KW'(K - 1) ? '0 : pointer + 1'b1;
    if (port) begin
      examples_in = set_examples ? command_data : examples;
      pointer_in  = set_pointer ? pointer_word : pointer;
    end else if (clear_class) begin
      examples_in = '0;
      pointer_in  = '0;
    end
  end
  line_memory #(
      .DEPTH(1 << CW),
      .WIDTH(32 + KW)
  ) u_classes (
      .clk          (clk),
      .read_enable  (read_class || port_read_class),
      .read_address (port ? port_label : class_label),
      .q            ({pointer, examples}),
      .write_enable (clear_class || count_class || set_examples || set_pointer),
      .write_address(port ? port_label : class_label),
      .d            ({pointer_in, examples_in})
  );

  learner_port #(
      .GROUPS  (GROUPS),
      .LANES   (LANES),
      .SPAN    (C * K),
      .C       (C),
      .KW      (KW),
      .ROW_BITS(RB)
  ) u_port (
      .clk         (clk),
      .rst         (rst),
      .rewind      (rewind),
      .go          (go),
      .replace     (op[0]),
      .word_in     (command_data),
      .word        (word),
      .done        (port_done),
      .beyond      (beyond),
      .row         (port_row),
      .read_row    (port_read),
      .write_row   (port_write),
      .row_in      (row_in),
      .row_out     (row_out),
      .label       (port_label),
      .read_class  (port_read_class),
      .set_examples(set_examples),
      .set_pointer (set_pointer),
      .set_state   (set_state),
      .examples    (examples),
      .pointer     (pointer),
      .state       (generator)
  );

  // Whether the word that a command asked for was there; the place moves on with the command.
  logic lost;
  always_ff @(posedge clk) if (go) lost <= beyond;

  // Results and answers.
  always_ff @(posedge clk) begin
    if (rst) begin
      m_valid   <= 1'b0;
      rsp_valid <= 1'b0;
    end else begin
      if (send) m_valid <= 1'b1;
      else if (m_ready) m_valid <= 1'b0;
      if (answer) rsp_valid <= 1'b1;
      else if (rsp_ready) rsp_valid <= 1'b0;
    end
  end
  always_ff @(posedge clk) begin
    if (send) begin
      if (learning) m_data <= {status, VB'(0), VB'(0), label};
      else m_data <= {status | 4'(votes == '0), margin, votes, LB'(winner)};
    end
    if (answer) begin
      rsp_status <= status;
      rsp_data   <= '0;
      if (op == 3'd0 && !status[1]) rsp_data <= examples;
      if (op == 3'd4 && !lost) rsp_data <= word;
      if (op[2] && lost) rsp_status[1] <= 1'b1;
    end
  end
endmodule
`default_nettype wire
