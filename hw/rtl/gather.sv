// Gather: takes a block of beats and sends beats of it in a fixed order, some perhaps often and some never. Two banks, so
// that the next block comes in while this one is sent. Resize, depth-to-space, crop, transpose: any permutation of beats.
//
// formula:  beat m out = beat INDEX[m] in, m < OUT_BEATS, of each block of IN_BEATS beats
// rate:     one block each max(IN_BEATS, OUT_BEATS) clocks, no idle clock between blocks
// latency:  2 clocks from the last beat of a block to its first beat out
// storage:  2*IN_BEATS beats and OUT_BEATS indices, each in LUT or block RAM
`default_nettype none
module gather #(
    parameter  int WIDTH       = 8,   // bits of a beat
    parameter  int IN_BEATS    = 4,   // beats of a block in; 1 or more
    parameter  int OUT_BEATS   = 4,   // beats of a block out; 1 or more
    parameter  int BLOCK       = 0,   // 1: banks in block RAM
    parameter  int BLOCK_INDEX = 0,   // 1: indices in block RAM
    parameter      FILE        = "",  // indices, one a line, if BLOCK_INDEX
    localparam int IW          = IN_BEATS > 1 ? $clog2(IN_BEATS) : 1,  // bits of an index
    parameter  [(BLOCK_INDEX != 0 ? 1 : OUT_BEATS)*IW-1:0] INDEX = '0  // index m at m*IW, if not BLOCK_INDEX
) (
    input  wire logic             clk,
    input  wire logic             rst,
    input  wire logic [WIDTH-1:0] s_data,
    input  wire logic             s_valid,
    output      logic             s_ready,
    output      logic [WIDTH-1:0] m_data,
    output      logic             m_valid,
    input  wire logic             m_ready
);
  localparam int OW = OUT_BEATS > 1 ? $clog2(OUT_BEATS) : 1;

  if (IN_BEATS < 1 || OUT_BEATS < 1) begin : bad_beats
    ERROR_IN_BEATS_and_OUT_BEATS_must_be_at_least_1 error ();
  end

  logic [   1:0] full;  // banks that hold a whole block
  logic          write_bank, read_bank;
  logic [IW-1:0] write_at;
  logic write, write_last;

  assign s_ready    = !full[write_bank];
  assign write      = s_valid && s_ready;
  assign write_last = write_at == IW'(IN_BEATS - 1);

  // The indices come out of their ROM a clock ahead of the read: they do not depend on data. The first is there before a
  // block can be.
  logic [OW-1:0] ahead;      // the beat out whose index is looked up
  logic [IW-1:0] index;      // of the next beat out
  logic          index_valid, index_last;
  logic read, look_up;

  assign read    = full[read_bank] && (!m_valid || m_ready);
  assign look_up = !index_valid || read;

  rom #(
      .DEPTH(OUT_BEATS),
      .WIDTH(IW),
      .BLOCK(BLOCK_INDEX),
      .FILE (FILE),
      .WORDS(INDEX)
  ) u_index (
      .clk    (clk),
      .enable (look_up),
      .address(ahead),
      .q      (index)
  );

  always_ff @(posedge clk) if (look_up) index_last <= ahead == OW'(OUT_BEATS - 1);

  always_ff @(posedge clk) begin
    if (rst) begin
      full        <= '0;
      write_bank  <= 1'b0;
      read_bank   <= 1'b0;
      write_at    <= '0;
      ahead       <= '0;
      index_valid <= 1'b0;
      m_valid     <= 1'b0;
    end else begin
      if (write) begin
        write_at <= write_last ? '0 : write_at + 1'b1;
        if (write_last) begin
          write_bank       <= !write_bank;
          full[write_bank] <= 1'b1;
        end
      end
      index_valid <= 1'b1;
      if (look_up) ahead <= ahead == OW'(OUT_BEATS - 1) ? '0 : ahead + 1'b1;
      if (read) begin
        m_valid <= 1'b1;
        if (index_last) begin
          read_bank       <= !read_bank;
          full[read_bank] <= 1'b0;
        end
      end else if (m_ready) begin
        m_valid <= 1'b0;
      end
    end
  end

  // A bank is either written or read, never both. The bank is the lowest address bit: no words between the blocks.
  line_memory #(
      .DEPTH(2 * IN_BEATS),
      .WIDTH(WIDTH),
      .BLOCK(BLOCK)
  ) u_memory (
      .clk          (clk),
      .read_enable  (read),
      .read_address ((IN_BEATS > 1 ? IW + 1 : 1)'({index, read_bank})),
      .q            (m_data),
      .write_enable (write),
      .write_address((IN_BEATS > 1 ? IW + 1 : 1)'({write_at, write_bank})),
      .d            (s_data)
  );
endmodule
`default_nettype wire
