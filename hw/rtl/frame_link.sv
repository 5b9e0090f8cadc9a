// Puts a streaming core behind the byte protocol of docs/uart.md: messages in, answers out, the core between them.
//
//   A frame message is written to a block RAM and played into the core only after its CRC was right, so a damaged
//   message never reaches the core. The RAM holds two frames: one may arrive while the other is being computed.
//   Answers come in the order of the messages. One message is worked on and one may wait; a frame that arrives while
//   both places are taken is answered BUSY, or not at all if they are still taken at its end.
//   Where USER_BYTES is not 0, so many bytes come before each frame; they are core_s_tuser from its first beat to its last.
//   Where COMMANDS is 1, a command message becomes one command to the core, and its answer the answer. Messages are worked
//   on one after the other, so a command begins when all frames before it have had their results, and the other way round.
//   rst at any time, with the core reset too, drops what was in progress and waits for the next message.
//
// Latency: from the last byte of a frame to its first beat 3 + 2 * (USER_BYTES + IN_BYTES) clocks, to a command 19 clocks; a
// beat each 2 * IN_BYTES + 1 clocks while the core is ready. Answer: see link_answer. Rate: set by the line; a frame each
// USER_BYTES + IN_BYTES * IN_BEATS + 8 bytes. Memory: 2 * (USER_BYTES + IN_BYTES * IN_BEATS) bytes of block RAM.
module frame_link #(
  // Told to the host by the identify command.
  parameter [31:0] PROJECT_ID = 32'd0,
  // Bytes of one input beat and beats of one frame; the product and USER_BYTES together are 1 to 65535.
  parameter int IN_BYTES = 1,
  parameter int IN_BEATS = 784,
  // Bytes of one output beat and beats of one result; the product is 1 to 65535.
  parameter int OUT_BYTES = 1,
  parameter int OUT_BEATS = 1,
  // Clocks without a byte, inside a message, after which it is given up.
  parameter int TIMEOUT_CLOCKS = 1000000,
  // Bytes that come before a frame, 0 to 255.
  parameter int USER_BYTES = 0,
  // 1: the core takes commands.
  parameter int COMMANDS = 0,
  localparam int USER_PORT = USER_BYTES > 0 ? USER_BYTES : 1
) (
  input  logic                   clk,
  input  logic                   rst,            // synchronous, active high; reset the core with it
  input  logic [7:0]             rx_data,        // from uart_rx
  input  logic                   rx_valid,
  input  logic                   rx_error,
  output logic [7:0]             tx_data,        // to uart_tx
  output logic                   tx_valid,
  input  logic                   tx_ready,
  output logic [8*IN_BYTES-1:0]  core_s_tdata,   // to the core's s_axis
  output logic [8*USER_PORT-1:0] core_s_tuser,   // 0 where USER_BYTES is
  output logic                   core_s_tvalid,
  input  logic                   core_s_tready,
  input  logic [8*OUT_BYTES-1:0] core_m_tdata,   // from the core's m_axis
  input  logic                   core_m_tvalid,
  output logic                   core_m_tready,
  output logic [7:0]             cmd_op,         // to the core's commands
  output logic [15:0]            cmd_label,
  output logic [31:0]            cmd_data,
  output logic                   cmd_valid,
  input  logic                   cmd_ready,
  input  logic [31:0]            rsp_data,       // from them
  input  logic [3:0]             rsp_status,
  input  logic                   rsp_valid,
  output logic                   rsp_ready,
  output logic                   busy            // a frame or command is in the core or its answer under way
);

  localparam int FRAME_BYTES = USER_BYTES + IN_BYTES * IN_BEATS;
  localparam int COMMAND_BYTES = 8;
  localparam int HALF = COMMANDS != 0 && FRAME_BYTES < COMMAND_BYTES ? COMMAND_BYTES : FRAME_BYTES;
  localparam int ADDRESS_W = $clog2(2 * HALF);
  localparam int INDEX_W = $clog2(HALF + 1);
  // What is gathered out of bytes: user bytes, a beat, a command.
  localparam int SHORT = IN_BYTES > USER_BYTES ? IN_BYTES : USER_BYTES;
  localparam int LONGEST = COMMANDS != 0 && SHORT < COMMAND_BYTES ? COMMAND_BYTES : SHORT;
  localparam int BYTE_W = LONGEST > 1 ? $clog2(LONGEST) : 1;

  // ---- receive: the message goes to the half of the buffer that `fill` names
  logic        write_enable, done, done_frame, done_command, room;
  logic [INDEX_W-1:0] write_index;
  logic [7:0]  write_data, done_sequence;
  logic [2:0]  done_status;
  logic        fill;

  link_receive #(.FRAME_BYTES(FRAME_BYTES), .TIMEOUT_CLOCKS(TIMEOUT_CLOCKS), .COMMANDS(COMMANDS)) receive (
    .clk(clk), .rst(rst), .rx_data(rx_data), .rx_valid(rx_valid), .rx_error(rx_error), .room(room),
    .write_enable(write_enable), .write_index(write_index), .write_data(write_data), .done(done),
    .status(done_status), .frame(done_frame), .command(done_command),
    .sequence_id(done_sequence));

  // Never read and written at one address in one clock: the reader is in the other half.
  (* ram_style = "block", no_rw_check *)
  logic [7:0]           buffer [0:2*HALF-1];
  logic [ADDRESS_W-1:0] write_address, read_address;
  logic [7:0]           read_data;
  logic                 read_enable;

  assign write_address = ADDRESS_W'(write_index) + (fill ? ADDRESS_W'(HALF) : '0);

  always_ff @(posedge clk) begin
    if (write_enable) buffer[write_address] <= write_data;
    if (read_enable) read_data <= buffer[read_address];
  end

  // ---- the place for one message that waits
  logic       wait_valid, wait_frame, wait_command, wait_half, job_ready, start, start_frame, start_command;
  logic [2:0] wait_status;
  logic [7:0] wait_sequence;

  assign room = !wait_valid;
  assign start = wait_valid && job_ready;
  assign start_frame = start && wait_frame && wait_status == 3'd0;
  assign start_command = start && wait_command && wait_status == 3'd0;

  always_ff @(posedge clk) begin
    if (start) wait_valid <= 1'b0;
    if (done && room) begin
      wait_valid <= 1'b1;
      wait_status <= done_status;
      wait_frame <= done_frame;
      wait_command <= done_command;
      wait_sequence <= done_sequence;
      wait_half <= fill;
      if ((done_frame || done_command) && done_status == 3'd0) fill <= !fill;
    end
    if (rst) begin
      wait_valid <= 1'b0;
      fill <= 1'b0;
    end
  end

  // ---- play: RAM -> user bytes and beats of the core, or a command
  typedef enum logic [1:0] {REST, READ, TAKE, SEND} play_t;
  play_t              play;
  logic [15:0]        beats;       // beats sent, this one not
  logic [BYTE_W-1:0]  in_beat;     // bytes of this beat (user bytes, command) that were taken
  logic               user;        // the user bytes come
  logic               command;     // a command does
  logic [BYTE_W-1:0]  last_byte;

  assign read_enable = play == READ;
  assign core_s_tvalid = play == SEND && !command;
  assign cmd_valid = play == SEND && command;
  assign last_byte = command ? BYTE_W'(COMMAND_BYTES - 1) : user ? BYTE_W'(USER_PORT - 1) : BYTE_W'(IN_BYTES - 1);

  always_ff @(posedge clk) begin
    unique case (play)
      REST: begin
        read_address <= wait_half ? ADDRESS_W'(HALF) : '0;
        beats <= '0;
        in_beat <= '0;
        user <= USER_BYTES != 0;
        command <= start_command;
        if (start_frame || start_command) play <= READ;
      end
      READ: begin
        read_address <= read_address + ADDRESS_W'(1);
        play <= TAKE;
      end
      TAKE: begin
        // Low byte first: each byte enters at the top and moves down.
        for (int i = 0; i < IN_BYTES - 1; i++) core_s_tdata[8*i +: 8] <= core_s_tdata[8*(i+1) +: 8];
        core_s_tdata[8*(IN_BYTES-1) +: 8] <= read_data;
        in_beat <= in_beat == last_byte ? '0 : in_beat + BYTE_W'(1);
        play <= in_beat == last_byte && !(user && !command) ? SEND : READ;
        if (in_beat == last_byte) user <= 1'b0;
      end
      default: if (command ? cmd_ready : core_s_tready) begin   // SEND
        beats <= beats + 16'd1;
        play <= command || beats == 16'(IN_BEATS - 1) ? REST : READ;
      end
    endcase
    if (rst) play <= REST;
  end

  // User bytes and commands go to registers of their own, which stay while the beats go by.
  if (USER_BYTES != 0) begin : users
    always_ff @(posedge clk) if (play == TAKE && user && !command) core_s_tuser <= (8*USER_BYTES)'({read_data, core_s_tuser} >> 8);
  end else begin : no_users
    assign core_s_tuser = '0;
  end
  if (COMMANDS != 0) begin : commands
    logic [8*COMMAND_BYTES-1:0] asked;
    always_ff @(posedge clk) if (play == TAKE && command) asked <= {read_data, asked[8*COMMAND_BYTES-1:8]};
    assign cmd_op = asked[7:0];
    assign cmd_label = asked[31:16];
    assign cmd_data = asked[63:32];
    logic unused;   // a byte that means nothing yet
    assign unused = &{1'b0, asked[15:8]};
  end else begin : no_commands
    assign {cmd_op, cmd_label, cmd_data} = '0;
    logic unused;
    assign unused = &{1'b0, cmd_ready};
  end

  // ---- answer
  link_answer #(.PROJECT_ID(PROJECT_ID), .IN_BYTES(IN_BYTES), .IN_BEATS(IN_BEATS), .OUT_BYTES(OUT_BYTES),
                .OUT_BEATS(OUT_BEATS), .USER_BYTES(USER_BYTES), .COMMANDS(COMMANDS)) answer (
    .clk(clk), .rst(rst), .job_valid(wait_valid), .job_ready(job_ready), .job_status(wait_status),
    .job_frame(wait_frame), .job_command(wait_command), .job_sequence(wait_sequence), .core_tdata(core_m_tdata),
    .core_tvalid(core_m_tvalid), .core_tready(core_m_tready), .rsp_data(rsp_data), .rsp_status(rsp_status), .rsp_valid(rsp_valid),
    .rsp_ready(rsp_ready), .tx_data(tx_data), .tx_valid(tx_valid),
    .tx_ready(tx_ready));

  assign busy = !job_ready;

endmodule
