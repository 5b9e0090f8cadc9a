// Requantise, table form: looks the code of an accumulator up. Any function, monotone or not.
//
// formula:  code = TABLE[c][a - LOW]; the accumulator a lies in LOW .. LOW + DEPTH-1
// channels: beat n of a pixel carries channels n*PE .. n*PE + PE-1, n < NF
// table:    entry (p*NF + n)*DEPTH + i is the code of accumulator LOW + i in channel n*PE + p: one ROM a lane, with the
//           tables of its NF channels one behind the other; if SHARED, entry i for all channels, a copy in each lane
// latency:  2 clocks          rate: 1 beat a clock
`default_nettype none
module requantise_table #(
    parameter  int PE        = 1,   // channels of a beat
    parameter  int NF        = 1,   // beats of a pixel
    parameter  int ACC_BITS  = 8,   // bits of an accumulator, two's complement
    parameter  int LOW       = 0,   // lowest accumulator
    parameter  int DEPTH     = 16,  // accumulators, from LOW on; 1 or more
    parameter  int CODE_BITS = 4,   // bits of a code
    parameter  int SHARED    = 0,   // 1: one table for all channels
    parameter  int BLOCK     = 0,   // 1: block RAM; only if SHARED
    parameter      FILE      = "",  // the codes, one a line, if BLOCK
    localparam int TABLES    = SHARED != 0 ? 1 : NF * PE,
    parameter  [(BLOCK != 0 ? 1 : TABLES*DEPTH)*CODE_BITS-1:0] TABLE = '0  // the codes if not BLOCK
) (
    input  wire logic                    clk,
    input  wire logic                    rst,
    input  wire logic [ PE*ACC_BITS-1:0] s_data,
    input  wire logic                    s_valid,
    output      logic                    s_ready,
    output      logic [PE*CODE_BITS-1:0] m_data,
    output      logic                    m_valid,
    input  wire logic                    m_ready
);
  localparam int FOLDS = SHARED != 0 ? 1 : NF;  // tables of a lane
  localparam int WORDS = FOLDS * DEPTH;
  localparam int AW = WORDS > 1 ? $clog2(WORDS) : 1;
  // What makes an address out of an accumulator of beat 0, and of the last beat; all modulo 2^AW.
  localparam [AW-1:0] FIRST = AW'(-LOW);
  localparam [AW-1:0] LAST = AW'((FOLDS - 1) * DEPTH - LOW);

  if (BLOCK != 0 && SHARED == 0) begin : bad_block
    ERROR_BLOCK_needs_SHARED error ();
  end

  logic          enable, valid_1;
  logic [AW-1:0] offset;  // of this beat

  assign enable  = !m_valid || m_ready;
  assign s_ready = enable;

  always_ff @(posedge clk) begin
    if (rst) begin
      valid_1 <= 1'b0;
      m_valid <= 1'b0;
    end else if (enable) begin
      valid_1 <= s_valid;
      m_valid <= valid_1;
    end
  end

  if (FOLDS > 1) begin : by_beat
    always_ff @(posedge clk) begin
      if (rst) offset <= FIRST;
      else if (enable && s_valid) offset <= offset == LAST ? FIRST : offset + AW'(DEPTH);
    end
  end else begin : constant
    assign offset = FIRST;
  end

  for (genvar p = 0; p < PE; p++) begin : channel
    logic signed [ ACC_BITS-1:0] a;
    logic        [       AW-1:0] address;
    logic        [CODE_BITS-1:0] code;

    assign a = s_data[p*ACC_BITS+:ACC_BITS];
    always_ff @(posedge clk) if (enable) address <= AW'(a) + offset;

    rom #(
        .DEPTH(WORDS),
        .WIDTH(CODE_BITS),
        .BLOCK(BLOCK),
        .FILE (FILE),
        .WORDS(TABLE[(BLOCK != 0 || SHARED != 0 ? 0 : p*WORDS*CODE_BITS)+:(BLOCK != 0 ? 1 : WORDS)*CODE_BITS])
    ) u_codes (
        .clk    (clk),
        .enable (enable),
        .address(address),
        .q      (code)
    );
    assign m_data[p*CODE_BITS+:CODE_BITS] = code;
    logic unused;  // upper bits that the range of the accumulator does not need
    assign unused = &{1'b0, a, address};
  end
endmodule
`default_nettype wire
