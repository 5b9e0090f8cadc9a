// Learner with registers on AXI4-Lite (docs/learner-registers.md) and streams as AXI4-Stream.
//
// s_axis:   frames as learner.sv takes them, s_axis_tdata filled with zeros to whole bytes;
//           s_axis_tuser = {last version, learn, label}, s_axis_tlast with the last beat of a frame
// m_axis:   results, {zeros, status, margin, votes, label}, each a packet of one beat; to the registers if CONTROL.capture
//           was set before the result came
// command:  starts when the lowest byte of COMMAND is written; one is under way at most, more are refused. It waits for
//           the frames that were taken whole before it. A class that LB bits do not hold is one that there is no room for
// irq:      level; while a command is answered or a result is there, as CONTROL says
// clocks:   2 from the write's acceptance to the learner, 1 from its answer to the registers; those of learner.sv between
// reset:    of registers and learner; an access that is under way gets no answer
`default_nettype none
module learner_axi #(
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
    localparam int BEAT        = D / P * F,
    localparam int LB          = $clog2(C > 2 ? C : 2) + 1,
    localparam int VB          = $clog2(P * R_MAX + 1),
    localparam int RESULT      = 4 + 2 * VB + LB,
    localparam int SB          = (BEAT + 7) / 8 * 8,
    localparam int MB          = (RESULT + 7) / 8 * 8
) (
    input  wire logic          clk,
    input  wire logic          rst,
    // Registers.
    input  wire logic [   6:0] s_axil_awaddr,
    input  wire logic [   2:0] s_axil_awprot,
    input  wire logic          s_axil_awvalid,
    output      logic          s_axil_awready,
    input  wire logic [  31:0] s_axil_wdata,
    input  wire logic [   3:0] s_axil_wstrb,
    input  wire logic          s_axil_wvalid,
    output      logic          s_axil_wready,
    output      logic [   1:0] s_axil_bresp,
    output      logic          s_axil_bvalid,
    input  wire logic          s_axil_bready,
    input  wire logic [   6:0] s_axil_araddr,
    input  wire logic [   2:0] s_axil_arprot,
    input  wire logic          s_axil_arvalid,
    output      logic          s_axil_arready,
    output      logic [  31:0] s_axil_rdata,
    output      logic [   1:0] s_axil_rresp,
    output      logic          s_axil_rvalid,
    input  wire logic          s_axil_rready,
    output      logic          irq,
    // Frames.
    input  wire logic [SB-1:0] s_axis_tdata,
    input  wire logic [LB+1:0] s_axis_tuser,
    input  wire logic          s_axis_tlast,
    input  wire logic          s_axis_tvalid,
    output      logic          s_axis_tready,
    // Results.
    output      logic [MB-1:0] m_axis_tdata,
    output      logic          m_axis_tlast,
    output      logic          m_axis_tvalid,
    input  wire logic          m_axis_tready
);
  localparam int ROW_BITS = D / P * (F + FRAC + N) + N;
  localparam int WORDS = 1 + 2 * C + C * K * P * ((ROW_BITS + 31) / 32);
  localparam logic [2:0] LAST_OP = 3'd5;

  logic unused;
  if (SB > BEAT) begin : padded
    assign unused = &{1'b0, s_axis_tdata[SB-1:BEAT]};
  end else begin : exact
    assign unused = 1'b0;
  end

  // Commands. While none is busy the learner is ready for one: the answer is taken in the clock in which it comes.
  logic [2:0] op;
  logic [23:0] label;
  logic [LB-1:0] command_label;
  logic [31:0] data, rsp_data, answer;
  logic [3:0] rsp_status, code;
  logic write, written, waiting, begin_command, rsp_valid, busy, answered, cmd_ready;
  assign begin_command = written && op <= LAST_OP;
  assign busy          = written || waiting;
  assign command_label = (|(label >> LB)) ? '1 : label[LB-1:0];

  always_ff @(posedge clk) begin
    if (rst) begin
      written <= 1'b0;
      waiting <= 1'b0;
    end else begin
      written <= write && !busy;  // the fields are there a clock after the write
      if (begin_command) waiting <= 1'b1;
      else if (rsp_valid) waiting <= 1'b0;
    end
  end
  always_ff @(posedge clk) if (rsp_valid) {code, answer} <= {rsp_status, rsp_data};

  // Results. Where one goes is settled before it comes.
  logic [RESULT-1:0] m_data;
  logic m_valid, m_ready, capture, capturing, take, result;
  assign result        = m_valid && capturing;
  assign m_ready       = capturing ? take : m_axis_tready;
  assign m_axis_tdata  = MB'(m_data);
  assign m_axis_tlast  = 1'b1;
  assign m_axis_tvalid = m_valid && !capturing;
  always_ff @(posedge clk) begin
    if (rst) capturing <= 1'b0;
    else if (!m_valid || m_ready) capturing <= capture;
  end

  logic answered_interrupt, result_interrupt;
  assign irq = (answered_interrupt && answered) || (result_interrupt && result);

  learner_registers u_registers (
      .clk                                (clk),
      .rst                                (rst),
      .s_axil_awready                     (s_axil_awready),
      .s_axil_awvalid                     (s_axil_awvalid),
      .s_axil_awaddr                      (s_axil_awaddr),
      .s_axil_awprot                      (s_axil_awprot),
      .s_axil_wready                      (s_axil_wready),
      .s_axil_wvalid                      (s_axil_wvalid),
      .s_axil_wdata                       (s_axil_wdata),
      .s_axil_wstrb                       (s_axil_wstrb),
      .s_axil_bready                      (s_axil_bready),
      .s_axil_bvalid                      (s_axil_bvalid),
      .s_axil_bresp                       (s_axil_bresp),
      .s_axil_arready                     (s_axil_arready),
      .s_axil_arvalid                     (s_axil_arvalid),
      .s_axil_araddr                      (s_axil_araddr),
      .s_axil_arprot                      (s_axil_arprot),
      .s_axil_rready                      (s_axil_rready),
      .s_axil_rvalid                      (s_axil_rvalid),
      .s_axil_rdata                       (s_axil_rdata),
      .s_axil_rresp                       (s_axil_rresp),
      .hwif_in_features_value             (32'(D)),
      .hwif_in_subspaces_value            (32'(P)),
      .hwif_in_anchors_value              (32'(K)),
      .hwif_in_classes_value              (32'(C)),
      .hwif_in_widths_feature_bits        (8'(F)),
      .hwif_in_widths_fraction_bits       (8'(FRAC)),
      .hwif_in_widths_count_bits          (8'(N)),
      .hwif_in_rule_policy                (2'(POLICY)),
      .hwif_in_rule_distance              (1'(L2)),
      .hwif_in_rule_signed_features       (1'(SIGNED)),
      .hwif_in_seed_value                 (16'(SEED)),
      .hwif_in_versions_value             (16'(R_MAX)),
      .hwif_in_lanes_value                (32'(LANES)),
      .hwif_in_words_value                (32'(WORDS)),
      .hwif_out_data_value                (data),
      .hwif_out_command_op                (op),
      .hwif_out_command_op_swmod          (write),
      .hwif_out_command_label             (label),
      .hwif_in_answer_value               (answer),
      .hwif_in_status_busy                (busy),
      .hwif_in_status_answered_hwclr      (write && !busy),
      .hwif_in_status_answered_hwset      (rsp_valid),
      .hwif_out_status_answered           (answered),
      .hwif_in_status_refused_hwset       ((write && busy) || (written && !begin_command)),
      .hwif_in_status_result              (result),
      .hwif_in_status_code                (code),
      .hwif_out_control_capture           (capture),
      .hwif_out_control_answered_interrupt(answered_interrupt),
      .hwif_out_control_result_interrupt  (result_interrupt),
      .hwif_in_result_label               (24'(m_data[LB-1:0])),
      .hwif_in_result_code                (m_data[RESULT-1-:4]),
      .hwif_in_votes_value                (32'(m_data[LB+:VB])),
      .hwif_in_margin_value               (32'(m_data[LB+VB+:VB])),
      .hwif_out_take_next                 (take)
  );

  logic unused_ready;
  assign unused_ready = &{1'b0, cmd_ready};

  learner #(
      .D          (D),
      .P          (P),
      .K          (K),
      .C          (C),
      .F          (F),
      .FRAC       (FRAC),
      .N          (N),
      .LANES      (LANES),
      .POLICY     (POLICY),
      .L2         (L2),
      .SIGNED     (SIGNED),
      .R_MAX      (R_MAX),
      .SEED       (SEED),
      .EVERY      (EVERY),
      .BLOCK      (BLOCK),
      .FRAME_BLOCK(FRAME_BLOCK)
  ) u_learner (
      .clk       (clk),
      .rst       (rst),
      .s_data    (s_axis_tdata[BEAT-1:0]),
      .s_user    (s_axis_tuser),
      .s_last    (s_axis_tlast),
      .s_valid   (s_axis_tvalid),
      .s_ready   (s_axis_tready),
      .m_data    (m_data),
      .m_valid   (m_valid),
      .m_ready   (m_ready),
      .cmd_op    (op),
      .cmd_label (command_label),
      .cmd_data  (data),
      .cmd_valid (begin_command),
      .cmd_ready (cmd_ready),
      .rsp_data  (rsp_data),
      .rsp_status(rsp_status),
      .rsp_valid (rsp_valid),
      .rsp_ready (1'b1)
  );
endmodule
`default_nettype wire
