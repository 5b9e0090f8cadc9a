// State of the learner as a sequence of 32-bit words, to save and to load it.
//
// words:    the generator (16 bits); the examples of each class; the pointer of each class; then the rows, for each
//           class, anchor and subspace, subspaces fastest: {n, r[W-1..0], y[W-1..0]}, y[0] lowest, in
//           ceil(ROW_BITS / 32) words, the lowest first; behind them nothing: `beyond`, reads 0
// go:       reads the next word, or replaces it. A row is fetched with its first word and stored with its last, if any
//           of its words was replaced, so that a row is written as a whole; `rewind` goes back to the first word, not
//           between `go` and `done`
// latency:  2 clocks from `go` to `done` inside of a row, up to 6 elsewhere; `word` stays until the next `go`
`default_nettype none
module learner_port #(
    parameter  int GROUPS   = 8,    // rows of a class and anchor in a lane
    parameter  int LANES    = 1,    // lanes
    parameter  int SPAN     = 40,   // classes * anchors
    parameter  int C        = 10,   // classes
    parameter  int KW       = 2,    // bits of a pointer
    parameter  int ROW_BITS = 168,  // bits of a row
    localparam int CW       = C > 1 ? $clog2(C) : 1,
    localparam int ROWS     = GROUPS * SPAN,
    localparam int AW       = ROWS > 1 ? $clog2(ROWS) : 1
) (
    input  wire logic                      clk,
    input  wire logic                      rst,
    input  wire logic                      rewind,
    input  wire logic                      go,
    input  wire logic                      replace,      // write, not read
    input  wire logic [              31:0] word_in,
    output      logic [              31:0] word,
    output      logic                      done,         // high for one clock
    output      logic                      beyond,       // there is no word
    // The memories; a class's answer comes one clock after its read, a row's two.
    output      logic [            AW-1:0] row,
    output      logic                      read_row,
    output      logic [         LANES-1:0] write_row,
    output      logic [      ROW_BITS-1:0] row_in,
    input  wire logic [LANES*ROW_BITS-1:0] row_out,
    output      logic [            CW-1:0] label,
    output      logic                      read_class,
    output      logic                      set_examples,
    output      logic                      set_pointer,
    output      logic                      set_state,
    input  wire logic [              31:0] examples,
    input  wire logic [            KW-1:0] pointer,
    input  wire logic [              15:0] state
);
  localparam int WORDS = (ROW_BITS + 31) / 32;
  localparam int WW = WORDS > 1 ? $clog2(WORDS) : 1;
  localparam int LW = LANES > 1 ? $clog2(LANES) : 1;
  localparam int GW = GROUPS > 1 ? $clog2(GROUPS) : 1;
  localparam int SW = SPAN > 1 ? $clog2(SPAN) : 1;

  typedef enum logic [2:0] {
    GENERATOR,
    EXAMPLES,
    POINTERS,
    ANCHORS,
    END
  } part_t;
  typedef enum logic [2:0] {
    IDLE,
    LOOK,
    WAIT,
    TAKE,
    PASS,
    STORE
  } step_t;

  part_t part;
  step_t now;
  logic [WW-1:0] at;    // word of the row
  logic [LW-1:0] lane;
  logic [GW-1:0] group;
  logic [SW-1:0] place;  // class * anchors + anchor
  logic [WORDS*32-1:0] buffer;
  logic changed;
  logic class_last, word_last, lane_last, group_last, place_last, pass;

  assign class_last = label == CW'(C - 1);
  assign word_last  = at == WW'(WORDS - 1);
  assign lane_last  = lane == LW'(LANES - 1);
  assign group_last = group == GW'(GROUPS - 1);
  assign place_last = place == SW'(SPAN - 1);
  assign pass       = now == PASS;
  assign read_row   = now == LOOK;
  assign read_class = now == LOOK;
  assign beyond     = part == END;

  // What a word is, in the clock in which it is taken or replaced.
  logic [31:0] old, lowest;
  assign lowest = buffer[31:0];
  always_comb begin
    unique case (part)
      GENERATOR: old = {16'b0, state};
      EXAMPLES: old = examples;
      POINTERS: old = 32'(pointer);
      ANCHORS: old = lowest;
      default: old = '0;
    endcase
  end
  assign set_state    = pass && replace && part == GENERATOR;
  assign set_examples = pass && replace && part == EXAMPLES;
  assign set_pointer  = pass && replace && part == POINTERS;

  logic [(WORDS+1)*32-1:0] turned;  // the buffer, its lowest word on top
  assign turned = {replace ? word_in : old, buffer};
  assign row_in = buffer[ROW_BITS-1:0];
  logic unused;
  assign unused = &{1'b0, turned[31:0], buffer};
  for (genvar l = 0; l < LANES; l++) begin : store
    assign write_row[l] = now == STORE && changed && lane == LW'(l);
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      now  <= IDLE;
      done <= 1'b0;
    end else begin
      done <= 1'b0;
      unique case (now)
        IDLE: if (go) now <= part == ANCHORS && at != '0 ? PASS : LOOK;
        LOOK: now <= part == ANCHORS ? WAIT : PASS;
        WAIT: now <= TAKE;
        TAKE: now <= PASS;
        PASS: begin
          now  <= IDLE;
          done <= 1'b1;
          unique case (part)
            GENERATOR: part <= EXAMPLES;
            EXAMPLES, POINTERS: begin
              label <= class_last ? '0 : label + 1'b1;
              if (class_last) part <= part == EXAMPLES ? POINTERS : ANCHORS;
            end
            ANCHORS: begin
              at <= word_last ? '0 : at + 1'b1;
              if (word_last) begin
                now  <= STORE;
                done <= 1'b0;
              end
            end
            default: ;
          endcase
        end
        STORE: begin
          now  <= IDLE;
          done <= 1'b1;
          lane <= lane_last ? '0 : lane + 1'b1;
          if (lane_last) begin
            group <= group_last ? '0 : group + 1'b1;
            row   <= group_last ? AW'(place) + 1'b1 : row + AW'(SPAN);
            if (group_last) begin
              place <= place + 1'b1;
              if (place_last) part <= END;
            end
          end
        end
        default: now <= IDLE;
      endcase
    end
    if (rst || rewind) begin
      part  <= GENERATOR;
      label <= '0;
      at    <= '0;
      lane  <= '0;
      group <= '0;
      place <= '0;
      row   <= '0;
    end
  end

  always_ff @(posedge clk) begin
    if (pass) word <= old;
    if (now == TAKE) begin
      buffer  <= (WORDS * 32)'(row_out[int'(lane)*ROW_BITS+:ROW_BITS]);
      changed <= 1'b0;
    end else if (pass && part == ANCHORS) begin
      buffer  <= turned[WORDS*32+31:32];
      changed <= changed || replace;
    end
  end
endmodule
`default_nettype wire
