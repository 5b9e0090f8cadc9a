// Receives messages of the host (docs/uart.md) from a stream of bytes, and reports each with a status.
//
//   message: 0x4C 0x57, command, sequence, length (2 bytes, low first), payload, CRC (2 bytes, high first)
//   CRC-16/CCITT-FALSE over command .. payload.
//   Commands: 'F' with exactly FRAME_BYTES of payload, 'I' with none, and where COMMANDS is 1 'C' with 8.
//
//   The payload of 'F' or 'C' goes out byte by byte on write_*, before its CRC is known: the caller must not use it until
//   `done` with status OK. Bytes outside a message are skipped without a report. A wrong command or length is
//   reported at once, and the search for the next 0x4C 0x57 begins behind the length, because a damaged length says
//   nothing about where the message ends. If `room` is low when the length has arrived, nothing is written
//   and the status is BUSY.
//
// Latency: `done` comes 1 clock after the last CRC byte. Rate: a byte each clock.
module link_receive #(
  // Payload bytes of a frame, 1 to 65535.
  parameter int FRAME_BYTES = 784,
  // Clocks without a byte, inside a message, after which it is given up; at least 1.
  parameter int TIMEOUT_CLOCKS = 1000000,
  // 1: 'C' is known.
  parameter int COMMANDS = 0,
  localparam int COMMAND_BYTES = 8,
  localparam int MOST_BYTES = COMMANDS != 0 && FRAME_BYTES < COMMAND_BYTES ? COMMAND_BYTES : FRAME_BYTES,
  localparam int INDEX_W = $clog2(MOST_BYTES + 1)
) (
  input  logic        clk,
  input  logic        rst,            // synchronous, active high
  input  logic [7:0]  rx_data,
  input  logic        rx_valid,
  input  logic        rx_error,       // framing error: a byte was lost
  input  logic        room,           // a frame may be written and a report be taken
  output logic        write_enable,
  output logic [INDEX_W-1:0] write_index,   // 0 .. MOST_BYTES-1
  output logic [7:0]  write_data,
  output logic        done,           // one clock: the five below are valid
  output logic [2:0]  status,         // see the localparams
  output logic        frame,          // the command was 'F'
  output logic        command,        // it was 'C'
  output logic [7:0]  sequence_id     // 0 where the message ended before it
);

  // Status codes of an answer, the same on the wire.
  localparam logic [2:0] OK = 3'd0, BAD_CHECKSUM = 3'd1, BAD_LENGTH = 3'd2, UNKNOWN_COMMAND = 3'd3,
                         TIMED_OUT = 3'd4, BAD_FRAMING = 3'd5, BUSY = 3'd6;
  localparam logic [7:0] SYNC_0 = 8'h4C, SYNC_1 = 8'h57, COMMAND_FRAME = 8'h46, COMMAND_IDENTIFY = 8'h49,
                         COMMAND_COMMAND = 8'h43;
  localparam int IDLE_W = $clog2(TIMEOUT_CLOCKS + 1);

  generate
    if (FRAME_BYTES < 1 || FRAME_BYTES > 65535) begin : check_bytes
      ERROR_FRAME_BYTES_is_not_1_to_65535 fault ();
    end
    if (TIMEOUT_CLOCKS < 1) begin : check_timeout
      ERROR_TIMEOUT_CLOCKS_is_below_1 fault ();
    end
  endgenerate
  initial if (FRAME_BYTES < 1 || FRAME_BYTES > 65535)
    $fatal(1, "%m: FRAME_BYTES must be 1 to 65535, not %0d", FRAME_BYTES);
  initial if (TIMEOUT_CLOCKS < 1) $fatal(1, "%m: TIMEOUT_CLOCKS must be at least 1, not %0d", TIMEOUT_CLOCKS);

  typedef enum logic [3:0] {
    HUNT_0, HUNT_1, COMMAND, SEQUENCE, LENGTH_0, LENGTH_1, PAYLOAD, CRC_1, CRC_0
  } state_t;

  state_t              state;
  logic                known;       // the command is one of ours
  logic [7:0]          length_low;
  logic [INDEX_W-1:0]  index;       // payload bytes received
  logic                refused;     // no room when the payload began
  logic [15:0]         crc, crc_next;
  logic [IDLE_W-1:0]   idle;        // clocks since the last byte
  logic                in_message;  // past the sync, where silence and framing errors count
  logic [15:0]         length, expected;

  crc16 step (.crc(crc), .data(rx_data), .next(crc_next));

  assign in_message = state != HUNT_0 && state != HUNT_1;
  assign length = {rx_data, length_low};
  assign expected = frame ? 16'(FRAME_BYTES) : command ? 16'(COMMAND_BYTES) : 16'd0;
  assign write_enable = state == PAYLOAD && rx_valid && !refused;
  assign write_index = index;
  assign write_data = rx_data;

  always_ff @(posedge clk) begin
    done <= 1'b0;
    idle <= rx_valid || !in_message ? '0 : idle + IDLE_W'(1);
    if (rx_valid) begin
      crc <= crc_next;
      unique case (state)
        HUNT_0: if (rx_data == SYNC_0) state <= HUNT_1;
        HUNT_1: begin
          crc <= 16'hFFFF;
          sequence_id <= '0;
          if (rx_data == SYNC_1) state <= COMMAND;
          else if (rx_data != SYNC_0) state <= HUNT_0;
        end
        COMMAND: begin
          frame <= rx_data == COMMAND_FRAME;
          command <= COMMANDS != 0 && rx_data == COMMAND_COMMAND;
          known <= rx_data == COMMAND_FRAME || rx_data == COMMAND_IDENTIFY
                || (COMMANDS != 0 && rx_data == COMMAND_COMMAND);
          state <= SEQUENCE;
        end
        SEQUENCE: begin
          sequence_id <= rx_data;
          state <= LENGTH_0;
        end
        LENGTH_0: begin
          length_low <= rx_data;
          state <= LENGTH_1;
        end
        LENGTH_1: begin
          index <= '0;
          refused <= !room;
          status <= known ? BAD_LENGTH : UNKNOWN_COMMAND;
          if (known && length == expected) state <= frame || command ? PAYLOAD : CRC_1;
          else begin
            done <= 1'b1;
            state <= HUNT_0;
          end
        end
        PAYLOAD: begin
          index <= index + INDEX_W'(1);
          if (16'(index) == expected - 16'd1) state <= CRC_1;
        end
        CRC_1: state <= CRC_0;
        default: begin   // CRC_0
          done <= 1'b1;
          status <= crc_next != 16'd0 ? BAD_CHECKSUM : refused ? BUSY : OK;
          state <= HUNT_0;
        end
      endcase
    end else if (rx_error) begin
      done <= in_message;
      status <= BAD_FRAMING;
      state <= HUNT_0;
    end else if (in_message && idle == IDLE_W'(TIMEOUT_CLOCKS)) begin
      done <= 1'b1;
      status <= TIMED_OUT;
      state <= HUNT_0;
    end
    if (rst) begin
      state <= HUNT_0;
      done <= 1'b0;
      idle <= '0;
    end
  end

endmodule
