// Sends the answer to one message (docs/uart.md): takes a job, and for a good frame or command what the core says.
//
//   answer: 0x6C 0x77, status, sequence, length (2 bytes, low first), payload, CRC (2 bytes, high first)
//   CRC-16/CCITT-FALSE over status .. payload.
//   Payload: status not 0: none. Frame: OUT_BEATS beats of OUT_BYTES bytes, low byte first. Command, 5 bytes: data (4,
//   low byte first), status. Identify, 15 bytes, each number low byte first: PROJECT_ID (4), protocol version (1),
//   IN_BYTES, IN_BEATS, OUT_BYTES, OUT_BEATS (2 each), USER_BYTES, COMMANDS (1 each).
//
//   A job is taken in a clock with job_valid && job_ready; job_ready stays low until its last byte has been taken
//   by the sender. The answer to a frame starts when the core's first beat is there, that to a command when
//   the core's answer is, never before.
//
// Latency: 2 clocks from job (or first beat) to first byte. Rate: a byte each clock, one clock more for each beat.
module link_answer #(
  // Told to the host, which compares it with its own; a hash of the project.
  parameter [31:0] PROJECT_ID = 32'd0,
  // Bytes of one input beat and beats of one frame, told to the host; 1 to 65535.
  parameter int IN_BYTES = 1,
  parameter int IN_BEATS = 784,
  // Bytes of one output beat and beats of one result; the product is 1 to 65535.
  parameter int OUT_BYTES = 1,
  parameter int OUT_BEATS = 1,
  // Bytes that come before a frame, 0 to 255, and whether the core takes commands, told to the host.
  parameter int USER_BYTES = 0,
  parameter int COMMANDS = 0
) (
  input  logic                   clk,
  input  logic                   rst,           // synchronous, active high
  input  logic                   job_valid,
  output logic                   job_ready,
  input  logic [2:0]             job_status,    // 0 = good
  input  logic                   job_frame,     // 1 = frame
  input  logic                   job_command,   // 1 = command; neither = identify
  input  logic [7:0]             job_sequence,
  input  logic [8*OUT_BYTES-1:0] core_tdata,
  input  logic                   core_tvalid,
  output logic                   core_tready,
  input  logic [31:0]            rsp_data,
  input  logic [3:0]             rsp_status,
  input  logic                   rsp_valid,
  output logic                   rsp_ready,
  output logic [7:0]             tx_data,
  output logic                   tx_valid,
  input  logic                   tx_ready
);

  localparam int OUT_TOTAL = OUT_BYTES * OUT_BEATS;
  localparam int IDENTITY_BYTES = 15;
  localparam int ANSWER_BYTES = 5;
  localparam int BEAT_BYTES = COMMANDS != 0 && OUT_BYTES < ANSWER_BYTES ? ANSWER_BYTES : OUT_BYTES;
  localparam logic [7:0] PROTOCOL = 8'd2;
  // Byte 0 in the low bits.
  localparam logic [8*IDENTITY_BYTES-1:0] IDENTITY = {
    8'(COMMANDS), 8'(USER_BYTES), 16'(OUT_BEATS), 16'(OUT_BYTES), 16'(IN_BEATS), 16'(IN_BYTES), PROTOCOL, PROJECT_ID};

  generate
    if (OUT_BYTES < 1 || OUT_BEATS < 1 || OUT_TOTAL > 65535) begin : check_out
      ERROR_OUT_BYTES_times_OUT_BEATS_is_not_1_to_65535 fault ();
    end
    if (USER_BYTES < 0 || USER_BYTES > 255 || COMMANDS < 0 || COMMANDS > 1) begin : check_user
      ERROR_USER_BYTES_is_not_0_to_255_or_COMMANDS_not_0_or_1 fault ();
    end
  endgenerate
  initial if (OUT_BYTES < 1 || OUT_BEATS < 1 || OUT_TOTAL > 65535)
    $fatal(1, "%m: OUT_BYTES * OUT_BEATS must be 1 to 65535, not %0d * %0d", OUT_BYTES, OUT_BEATS);

  typedef enum logic [2:0] {
    IDLE,      // waits for a job
    BEAT,      // waits for a beat of the core, or its answer to a command
    HEAD,      // sync, status, sequence, length
    BYTES,     // payload
    CRC_1,
    CRC_0
  } state_t;

  state_t                 state;
  logic                   good, frame, command, headed;   // `headed`: the head has been sent
  logic [2:0]             status;
  logic [7:0]             sequence_id;
  logic [3:0]             index;                 // byte of the head or of the identity
  logic [15:0]            sent;                  // bytes of the result that were sent, this one not
  logic [15:0]            in_beat;               // bytes of this beat that were sent, this one not
  logic [8*BEAT_BYTES-1:0] beat;                 // the byte to send in the low bits
  logic [15:0]            length;
  logic [15:0]            crc, crc_next;
  logic [7:0]             head_byte, payload_byte, length_low, length_high, crc_low, crc_high;

  crc16 step (.crc(crc), .data(tx_data), .next(crc_next));

  assign job_ready = state == IDLE;
  assign core_tready = state == BEAT && !command;
  assign rsp_ready = state == BEAT && command;
  assign tx_valid = state != IDLE && state != BEAT;
  assign length = !good ? 16'd0 : frame ? 16'(OUT_TOTAL) : command ? 16'(ANSWER_BYTES) : 16'(IDENTITY_BYTES);

  // Selections stand outside always_comb, where Icarus 11 would watch every bit of the whole vector.
  assign {length_high, length_low} = length;
  assign {crc_high, crc_low} = crc;
  assign payload_byte = frame || command ? beat[7:0] : IDENTITY[8*index +: 8];

  always_comb begin
    unique case (index)
      4'd0:    head_byte = 8'h6C;
      4'd1:    head_byte = 8'h77;
      4'd2:    head_byte = {5'd0, status};
      4'd3:    head_byte = sequence_id;
      4'd4:    head_byte = length_low;
      default: head_byte = length_high;
    endcase
    unique case (state)
      HEAD:    tx_data = head_byte;
      BYTES:   tx_data = payload_byte;
      CRC_1:   tx_data = crc_high;
      default: tx_data = crc_low;
    endcase
  end

  always_ff @(posedge clk) begin
    unique case (state)
      IDLE: begin
        status <= job_status;
        good <= job_status == 3'd0;
        frame <= job_frame;
        command <= job_command;
        sequence_id <= job_sequence;
        index <= '0;
        sent <= '0;
        headed <= 1'b0;
        if (job_valid) state <= (job_frame || job_command) && job_status == 3'd0 ? BEAT : HEAD;
      end
      BEAT: begin
        beat <= command ? (8*BEAT_BYTES)'({4'd0, rsp_status, rsp_data}) : (8*BEAT_BYTES)'(core_tdata);
        in_beat <= '0;
        if (command ? rsp_valid : core_tvalid) state <= headed ? BYTES : HEAD;
      end
      HEAD: if (tx_ready) begin
        index <= index + 4'd1;
        crc <= index < 4'd2 ? 16'hFFFF : crc_next;
        if (index == 4'd5) begin
          index <= '0;
          headed <= 1'b1;
          state <= good ? BYTES : CRC_1;
        end
      end
      BYTES: if (tx_ready) begin
        crc <= crc_next;
        index <= index + 4'd1;
        sent <= sent + 16'd1;
        in_beat <= in_beat + 16'd1;
        for (int i = 0; i < BEAT_BYTES - 1; i++) beat[8*i +: 8] <= beat[8*(i+1) +: 8];
        if (sent + 16'd1 == length) state <= CRC_1;
        else if (frame && in_beat == 16'(OUT_BYTES - 1)) state <= BEAT;
      end
      CRC_1: if (tx_ready) state <= CRC_0;
      default: if (tx_ready) state <= IDLE;   // CRC_0
    endcase
    if (rst) state <= IDLE;
  end

endmodule
