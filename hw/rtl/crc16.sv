// CRC-16/CCITT-FALSE, one byte a step, combinational.
//   polynomial 0x1021, start 0xFFFF, most significant bit first, nothing reflected, nothing inverted at the end;
//   crc("123456789") = 0x29B1. A message followed by its own CRC, high byte first, leaves 0x0000.
// Latency 0; as many steps as the caller registers, one each clock.
module crc16 (
  input  logic [15:0] crc,     // CRC of the bytes so far
  input  logic [7:0]  data,    // the next byte
  output logic [15:0] next     // CRC with `data` included
);

  logic [7:0] head;            // the byte that leaves the register, with the new byte added
  logic [7:0] fold;            // its own feedback within the eight bit steps

  assign head = crc[15:8] ^ data;
  assign fold = head ^ {4'b0, head[7:4]};
  assign next = {crc[7:0], 8'b0} ^ {fold[3:0], 12'b0} ^ {3'b0, fold, 5'b0} ^ {8'b0, fold};

endmodule
