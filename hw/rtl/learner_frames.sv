// Two frames of the learner: one is processed while the next one arrives. The beats lie in the lanes; this is their order.
//
// frame:    BEATS beats, the last one marked by s_last; beat b goes to lane b modulo LANES, address {bank, b / LANES}
// bad:      a frame of another length; it ends with its s_last, whenever that comes, and its beats mean nothing
// user:     of the frame's last beat          latency: `waiting` 1 clock after the last beat          rate: 1 beat a clock
`default_nettype none
module learner_frames #(
    parameter  int BEATS  = 8,  // of a frame
    parameter  int LANES  = 1,  // divides BEATS
    parameter  int USER   = 7,  // bits that come with a frame
    localparam int GROUPS = BEATS / LANES,
    localparam int GW     = GROUPS > 1 ? $clog2(GROUPS) : 1
) (
    input  wire logic             clk,
    input  wire logic             rst,
    input  wire logic             hold,     // no frame begins, and none becomes whole
    input  wire logic             s_last,
    input  wire logic [ USER-1:0] s_user,
    input  wire logic             s_valid,
    output      logic             s_ready,
    output      logic [LANES-1:0] write,    // which lane takes the beat
    output      logic [     GW:0] write_address,
    output      logic             waiting,  // a frame is there
    output      logic             bank,     // where it lies
    output      logic             bad,
    output      logic [ USER-1:0] user,
    input  wire logic             pop       // it is done with
);
  localparam int LW = LANES > 1 ? $clog2(LANES) : 1;

  logic [1:0] full, bads;
  logic [2*USER-1:0] users;
  logic write_bank, begun, over;  // begun: a frame has; over: it is too long
  logic [GW-1:0] group;
  logic [LW-1:0] lane;
  logic lane_last, beat_last, take;

  assign lane_last     = lane == LW'(LANES - 1);
  assign beat_last     = lane_last && group == GW'(GROUPS - 1);
  assign s_ready       = !full[write_bank] && !(hold && (!begun || beat_last));
  assign take          = s_valid && s_ready;
  assign write         = take ? LANES'(1) << lane : '0;
  assign write_address = {write_bank, group};
  assign waiting       = full[bank];
  assign bad           = bads[bank];
  assign user          = bank ? users[USER+:USER] : users[0+:USER];

  always_ff @(posedge clk) begin
    if (rst) begin
      full       <= '0;
      write_bank <= 1'b0;
      bank       <= 1'b0;
      begun     <= 1'b0;
      over       <= 1'b0;
      group      <= '0;
      lane       <= '0;
    end else begin
      if (take) begin
        begun <= !s_last;
        over   <= !s_last && (over || beat_last);
        lane   <= s_last || lane_last ? '0 : lane + 1'b1;
        if (s_last || beat_last) group <= '0;
        else if (lane_last) group <= group + 1'b1;
        if (s_last) begin
          write_bank       <= !write_bank;
          full[write_bank] <= 1'b1;
        end
      end
      if (pop) begin
        bank       <= !bank;
        full[bank] <= 1'b0;
      end
    end
  end

  always_ff @(posedge clk) begin
    if (take) begin
      bads[write_bank] <= over || !beat_last;
      if (write_bank) users[USER+:USER] <= s_user;
      else users[0+:USER] <= s_user;
    end
  end
endmodule
`default_nettype wire
