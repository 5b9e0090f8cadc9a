// Sequence of the learner: what its lanes, votes and memories do in each clock.
//
// learn:    for each group of LANES subspaces: scan the K anchors of the class (POLICY 0 and 3), fetch the one that
//           learns, divide, write          predict: scan all rows, group by group without a pause; then votes and tally
// commands: see learner.sv; they wait for the frames that were taken whole before them
// reset:    every memory is cleared, row by row, before anything is answered
`default_nettype none
module learner_control #(
    parameter  int GROUPS = 8,   // groups of subspaces
    parameter  int LANES  = 1,   // subspaces of a group
    parameter  int K      = 4,   // anchors of a class in a subspace
    parameter  int C      = 10,  // classes
    parameter  int POLICY = 0,   // anchor that learns: 0 weighted, 1 round-robin, 2 random, 3 nearest
    parameter  int SCORE  = 7,   // clocks from a read to its score
    parameter  int STEPS  = 13,  // of a division
    localparam int ROWS   = GROUPS * C * K,
    localparam int AW     = ROWS > 1 ? $clog2(ROWS) : 1,
    localparam int GW     = GROUPS > 1 ? $clog2(GROUPS) : 1,
    localparam int CW     = C > 1 ? $clog2(C) : 1,
    localparam int LB     = $clog2(C > 2 ? C : 2) + 1
) (
    input  wire logic          clk,
    input  wire logic          rst,
    // Frames.
    input  wire logic          waiting,
    input  wire logic          bad,
    input  wire logic          last,            // version
    input  wire logic          learn,
    input  wire logic [LB-1:0] frame_label,
    output      logic          pop,
    // Commands.
    input  wire logic          pending,
    input  wire logic [   2:0] op,
    input  wire logic [LB-1:0] command_label,
    input  wire logic          answer_ready,
    output      logic          answer,          // it is done with
    // Lanes.
    output      logic [GW-1:0] x_group,
    output      logic          read_x,
    output      logic [AW-1:0] row,
    output      logic          pick,
    output      logic          read_row,
    output      logic          read_rest,
    output      logic          write_row,
    output      logic          learnt,
    output      logic          learning,
    output      logic          scan,
    output      logic          first,
    output      logic          load,
    output      logic          step,
    input  wire logic          full,            // an anchor that learns is
    // Votes.
    output      logic          cast,
    output      logic          tally,
    output      logic          clear_votes,
    input  wire logic          votes_held,
    // Examples and pointers, generator.
    output      logic [CW-1:0] class_label,
    output      logic          read_class,
    output      logic          clear_class,
    output      logic          count_class,
    input  wire logic          examples_full,
    output      logic          restart,
    output      logic          advance,
    // Port of the state.
    output      logic          rewind,
    output      logic          go,
    output      logic          port,            // it has the memories
    input  wire logic          port_done,
    // Results.
    input  wire logic          send_ready,
    output      logic          send,
    output      logic [   3:0] status,          // without EMPTY
    output      logic [LB-1:0] label            // of the operation
);
  localparam logic [2:0] COUNT = 3'd0, FORGET = 3'd1, CLEAR = 3'd2, REWIND = 3'd3, READ = 3'd4, WRITE = 3'd5;
  localparam int SPAN = C * K;
  localparam int PERIOD = SPAN > LANES ? SPAN : LANES;  // of a group in a prediction: every lane must have voted
  localparam int MOST_1 = PERIOD > STEPS + 4 ? PERIOD : STEPS + 4;
  localparam int MOST = MOST_1 > C ? MOST_1 : C;
  localparam int NW = $clog2(MOST + 1);
  localparam int SCANS = POLICY == 0 || POLICY == 3 ? 1 : 0;

  typedef enum logic [3:0] {
    WALK,
    IDLE,
    START,
    SCAN,
    DRAIN,
    VOTE,
    TALLY,
    FETCH,
    DIVIDE,
    KEEP,
    FINISH,
    LOOK,
    PORT,
    ANSWER
  } state_t;

  state_t state;
  logic [AW-1:0] start, next_start;  // first row of the group
  logic [NW-1:0] count, last_issue, last_count;
  logic [CW-1:0] walk;
  logic everything;  // a walk clears all classes
  logic commanded;  // it was asked for
  logic [3:0] learn_status, predict_status, found_status;
  logic [GW-1:0] group;
  logic group_last, issue, final_issue, no_room;

  assign group_last = group == GW'(GROUPS - 1);
  assign next_start = start + AW'(SPAN);
  assign no_room    = label >= LB'(C);

  // A scan: `last_issue` is the last row that is read, and the group ends with `last_count`.
  assign last_issue  = NW'((learning ? K : SPAN) - 1);
  assign last_count  = learning || group_last ? last_issue : NW'(PERIOD - 1);
  assign issue       = state == SCAN && count <= last_issue;
  assign final_issue = issue && count == last_issue && (learning || group_last);

  // Features are a clock faster than rows.
  always_ff @(posedge clk) begin
    read_x  <= (issue && count == '0) || state == FETCH;
    x_group <= group;
  end
  assign read_row  = issue || state == FETCH;
  assign read_rest = state == FETCH;
  assign pick      = state == FETCH || state == KEEP;
  assign load      = state == DIVIDE && count == NW'(2);
  assign step      = state == DIVIDE && count > NW'(2) && count < NW'(STEPS + 3);
  assign learnt    = state == KEEP;
  assign write_row = state == KEEP || state == WALK;

  assign tally       = state == TALLY;
  assign clear_votes = state == WALK && everything;
  assign clear_class = state == WALK;
  assign count_class = state == KEEP && group_last;
  assign class_label = state == WALK && everything ? walk : label[CW-1:0];
  assign read_class  = state == START || state == LOOK;
  assign restart     = state == WALK && everything;
  assign advance     = POLICY == 2 && ((state == START && !no_room) || (state == KEEP && !group_last));

  assign rewind = state == LOOK && op == REWIND;
  assign go     = state == LOOK && (op == READ || op == WRITE);
  assign port   = state == PORT;
  assign answer = state == ANSWER && answer_ready;
  assign send   = state == FINISH && last && send_ready;
  assign pop    = state == FINISH && (!last || send_ready);
  assign status = commanded ? {2'b00, no_room && (op == COUNT || op == FORGET), 1'b0} : learning ? learn_status : predict_status;

  // The scores come SCORE clocks behind their reads, the winner one later.
  logic [SCORE-1:0] scans, firsts, lasts, finals;
  logic winner, final_winner;
  assign scan  = scans[SCORE-1];
  assign first = firsts[SCORE-1];
  assign cast  = winner && !learning;
  always_ff @(posedge clk) begin
    if (rst) begin
      scans        <= '0;
      lasts        <= '0;
      finals       <= '0;
      winner       <= 1'b0;
      final_winner <= 1'b0;
    end else begin
      scans        <= SCORE'({scans, issue});
      lasts        <= SCORE'({lasts, issue && count == last_issue});
      finals       <= SCORE'({finals, final_issue});
      winner       <= lasts[SCORE-1];
      final_winner <= finals[SCORE-1];
    end
  end
  always_ff @(posedge clk) firsts <= SCORE'({firsts, count == '0});

  always_ff @(posedge clk) begin
    if (rst) begin
      state      <= WALK;
      everything <= 1'b1;
      commanded  <= 1'b0;
      group      <= '0;
      count      <= '0;
      start      <= '0;
      row        <= '0;
      walk       <= '0;
    end else begin
      unique case (state)
        WALK: begin
          if (walk != CW'(C - 1)) walk <= walk + 1'b1;
          count <= count + 1'b1;
          row   <= row + 1'b1;
          if (count == NW'((everything ? SPAN : K) - 1)) begin
            count <= '0;
            start <= next_start;
            row   <= next_start;
            group <= group + 1'b1;
            if (group_last) state <= commanded ? ANSWER : IDLE;
          end
        end
        IDLE: begin
          count     <= '0;
          group     <= '0;
          walk      <= '0;
          start     <= '0;
          row       <= '0;
          label     <= waiting ? frame_label : command_label;
          learning  <= waiting && learn;
          commanded <= !waiting && pending;
          if (waiting) state <= !bad ? (learn ? START : SCAN) : !learn && last ? TALLY : FINISH;
          else if (pending) state <= LOOK;
        end
        // Learning begins, a class is looked up.
        START: begin
          start <= AW'(label) * AW'(K);
          row   <= AW'(label) * AW'(K);
          state <= no_room ? FINISH : SCANS != 0 ? SCAN : FETCH;
        end
        SCAN: begin
          count <= count + 1'b1;
          if (issue) row <= row + 1'b1;
          if (count == last_count) begin
            count <= '0;
            if (learning) row <= start;
            else group <= group + 1'b1;
            if (learning || group_last) state <= DRAIN;
          end
        end
        DRAIN: if (final_winner) state <= learning ? FETCH : VOTE;
        VOTE: begin
          count <= count + 1'b1;
          if (count == NW'(LANES - 1)) begin
            count <= '0;
            state <= last ? TALLY : FINISH;
          end
        end
        TALLY: begin
          count <= count + 1'b1;
          if (count == NW'(C - 1)) state <= FINISH;
        end
        FETCH: begin
          count <= '0;
          state <= DIVIDE;
        end
        DIVIDE: begin
          count <= count + 1'b1;
          if (count == NW'(STEPS + 3)) state <= KEEP;
        end
        KEEP: begin
          count <= '0;
          start <= next_start;
          row   <= next_start;
          group <= group + 1'b1;
          state <= group_last ? FINISH : SCANS != 0 ? SCAN : FETCH;
        end
        FINISH: if (pop) state <= IDLE;
        // A command begins.
        LOOK: begin
          everything <= op == CLEAR;
          state      <= ANSWER;
          if (op == READ || op == WRITE) state <= PORT;
          if (op == CLEAR || (op == FORGET && !no_room)) state <= WALK;
          if (op == FORGET) begin
            start <= AW'(label) * AW'(K);
            row   <= AW'(label) * AW'(K);
          end
        end
        PORT: if (port_done) state <= ANSWER;
        ANSWER: if (answer) begin
          commanded <= 1'b0;
          state     <= IDLE;
        end
        default: state <= IDLE;
      endcase
    end
  end

  // {bad frame, saturated, no room, -} adds up over the versions.
  always_comb begin
    found_status    = '0;
    found_status[3] = state == IDLE && waiting && bad;
    found_status[2] = (state == KEEP && (full || (group_last && examples_full))) || votes_held;
    found_status[1] = state == START && no_room;
  end
  always_ff @(posedge clk) begin
    if (rst) begin
      learn_status   <= '0;
      predict_status <= '0;
    end else begin
      if (send && learning) learn_status <= '0;
      else if (state == IDLE ? learn : learning) learn_status <= learn_status | found_status;
      if (clear_votes || (send && !learning)) predict_status <= '0;
      else if (!(state == IDLE ? learn : learning)) predict_status <= predict_status | found_status;
    end
  end
endmodule
`default_nettype wire
