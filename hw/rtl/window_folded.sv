// Sliding window with zero padding, a group of channels at a time, for a layer that takes NF*SF clocks a window.
//
// input:    a pixel is SF beats of SIMD channels, raster order
// formula:  for r < OUT_H, c < OUT_W in raster order, NF times (outer), for each group g < SF (inner) one beat
//           { x[r*STRIDE - PAD_T + i, c*STRIDE - PAD_L + j, g*SIMD + s] : i, j < K, s < SIMD }, 0 outside of the image
// layout:   element (i*K + j)*SIMD + s of m_data is channel g*SIMD + s of tap (i, j)
// rate:     1 beat a clock on either side. A frame takes OUT_H * SF * (OUT_W*NF + COLUMNS - OUT_W - MERGED) clocks, which
//           is OUT_H*OUT_W*NF*SF for stride 1 and "same" padding, and at least the HEIGHT*WIDTH*SF clocks of its input.
//           If the next frame's first rows come late, its first window comes up to MERGED*SF clocks later.
//           With PAD_T > K/2 and STRIDE > 1, and for images of two or three columns, some frames take a few clocks more:
//           the rows that come in while one row of windows is sent are then more than the banks hold.
// latency:  2 clocks from the last beat of the pixel in the lower right corner to the first beat of the window. The
//           last windows of a frame never wait for the next frame.
// storage:  BANKS (K for stride 1 and "same" padding) of WIDTH*SF words of SIMD channels, and SF words of (K-1)*K*SIMD
//           channels; the window comes straight out of these memories
//
// How it works. Row r lies in bank r mod BANKS (counted on over frames). The writer puts beats into them; the
// reader takes column after column, K banks at a time, turned and with zeros above and below the image. The K-1 columns
// before it come from the history, which takes the new column in the last of the NF passes. At the end of a row, where
// the new column is padding, the reader already takes the first columns of the next row into the history; what of
// the row before or after shows in the window is hidden. The banks let the writer be a whole row ahead.
`default_nettype none
module window_folded #(
    parameter  int CHANNELS = 1,     // channels of a pixel
    parameter  int BITS     = 4,     // bits of a channel
    parameter  int SIMD     = 1,     // channels of a beat; divides CHANNELS
    parameter  int NF       = 1,     // how often the groups of a window are sent; 1 or more
    parameter  int HEIGHT   = 28,    // rows of the image; 2 or more
    parameter  int WIDTH    = 28,    // columns of the image; 2 or more
    parameter  int K        = 3,     // kernel size; 2 or more
    parameter  int STRIDE   = 1,     // step of the window, both ways; at most K
    parameter  int PAD_T    = 1,     // zero rows above; at most K-1
    parameter  int PAD_L    = 1,     // zero columns on the left; at most K-1
    parameter  int OUT_H    = 28,    // windows down; each touches the image
    parameter  int OUT_W    = 28,    // windows across; each touches the image
    parameter  int BLOCK    = 0,     // banks in block RAM, one or more for each bank
    parameter  int HISTORY  = 0,     // history in block RAM; it is SF words deep and in registers if SF = 1
    localparam int SLICE    = SIMD * BITS
) (
    input  wire logic                 clk,
    input  wire logic                 rst,
    input  wire logic [    SLICE-1:0] s_data,
    input  wire logic                 s_valid,
    output      logic                 s_ready,
    output      logic [K*K*SLICE-1:0] m_data,
    output      logic                 m_valid,
    input  wire logic                 m_ready
);
  localparam int SF = CHANNELS / SIMD;
  // Rows and columns that the windows reach, from the first of the image on.
  localparam int REACH_H = (OUT_H - 1) * STRIDE + K - PAD_T;
  localparam int COLUMNS = (OUT_W - 1) * STRIDE + K - PAD_L;
  localparam int ROWS = REACH_H < HEIGHT ? REACH_H : HEIGHT;   // rows of the image to keep
  localparam int IMAGE = COLUMNS < WIDTH ? COLUMNS : WIDTH;    // columns of the image to read
  localparam int LEAD = K - 1 - PAD_L;                         // columns before the first that ends a window
  // Columns of a row that are read beside the padding of the row before.
  localparam int BESIDE = COLUMNS - IMAGE < LEAD ? COLUMNS - IMAGE : LEAD;
  localparam int MERGED = BESIDE < IMAGE ? BESIDE : IMAGE;
  // The reader's rows are counted by `top` = the top row of its windows + PAD_T.
  localparam int TOP_LAST = (OUT_H - 1) * STRIDE;
  localparam int TURN = ROWS - TOP_LAST;                       // rows from there to the next frame's first top row
  // The rows that one step to the next windows needs anew, less one, come in while those before it are sent.
  localparam int BANKS = K - 1 + (TURN > STRIDE ? TURN : STRIDE);

  localparam int GB = $clog2(SF);
  localparam int GW = SF > 1 ? GB : 1;
  localparam int NW = NF > 1 ? $clog2(NF) : 1;
  localparam int XW = $clog2(WIDTH);
  localparam int YW = $clog2(HEIGHT);
  localparam int CW = $clog2(COLUMNS + 1);
  localparam int TW = $clog2(TOP_LAST + 2);
  localparam int BW = $clog2(BANKS + 1);
  localparam int AW = $clog2(BANKS + K + 1);
  localparam int PW = STRIDE > 1 ? $clog2(STRIDE) : 1;

  if (PAD_T > K - 1 || PAD_L > K - 1) begin : bad_pad
    ERROR_padding_above_or_left_must_be_at_most_K_minus_1 error ();
  end
  if (CHANNELS % SIMD != 0) begin : bad_simd
    ERROR_SIMD_must_divide_CHANNELS error ();
  end
  if (HEIGHT < 2 || WIDTH < 2 || K < 2 || NF < 1) begin : bad_size
    ERROR_HEIGHT_and_WIDTH_and_K_must_be_at_least_2_and_NF_1 error ();
  end
  if (STRIDE > K) begin : bad_stride
    ERROR_STRIDE_must_be_at_most_K error ();
  end
  if (TOP_LAST - PAD_T >= HEIGHT || (OUT_W - 1) * STRIDE - PAD_L >= WIDTH) begin : bad_reach
    ERROR_a_window_lies_outside_of_the_image error ();
  end

  // bank + step, modulo BANKS
  function automatic [BW-1:0] turned(input [BW-1:0] from_bank, input int step);
    turned = int'(from_bank) + step >= BANKS ? BW'(int'(from_bank) + step - BANKS) : BW'(int'(from_bank) + step);
  endfunction

  // ---- cursors -------------------------------------------------------------------------------------------------------
  logic [GW-1:0] write_group;
  logic [XW-1:0] write_column;
  logic [YW-1:0] write_row;
  logic [BW-1:0] write_bank;

  logic [TW-1:0] top;    // of the row of windows for which the reader reads
  logic [BW-1:0] bank;   // of that top row
  logic [XW-1:0] from;   // the column that it reads next
  logic [AW-1:0] ahead;  // rows from that top row to the row being written

  logic write_done;      // this clock the writer ends a row, as far as it is kept
  logic read_done;       // this clock the reader ends a row
  logic top_last;

  assign top_last = top == TW'(TOP_LAST);

  always_ff @(posedge clk) begin
    if (rst) ahead <= AW'(PAD_T);
    else ahead <= ahead + AW'(write_done) - (read_done ? (top_last ? AW'(TURN) : AW'(STRIDE)) : AW'(0));
  end

  // ---- writer: into every bank that the reader has left, and behind it into the top row -------------------------------
  logic write, write_group_last, write_column_last, dropped, above;

  // No window reaches this row or column.
  assign dropped           = (ROWS < HEIGHT && int'(write_row) >= ROWS) || (IMAGE < WIDTH && int'(write_column) >= IMAGE);
  assign above             = int'(top) < PAD_T;                         // the top row lies above the image
  assign s_ready           = dropped || int'(ahead) < BANKS ||
                             (above ? int'(ahead) + int'(top) < BANKS + PAD_T : write_column < from);
  assign write             = s_valid && s_ready && !dropped;
  assign write_group_last  = write_group == GW'(SF - 1);
  assign write_column_last = write_column == XW'(WIDTH - 1);
  assign write_done        = write && write_group_last && write_column == XW'(IMAGE - 1);

  always_ff @(posedge clk) begin
    if (rst) begin
      write_group  <= '0;
      write_column <= '0;
      write_row    <= '0;
      write_bank   <= '0;
    end else if (s_valid && s_ready) begin
      write_group <= write_group_last ? '0 : write_group + 1'b1;
      if (write_group_last) write_column <= write_column_last ? '0 : write_column + 1'b1;
      if (write_group_last && write_column_last) write_row <= write_row == YW'(HEIGHT - 1) ? '0 : write_row + 1'b1;
      if (write_done) write_bank <= turned(write_bank, 1);
    end
  end

  // ---- reader: one beat a clock; a column takes NF passes over the groups if it ends a window, else one ---------------
  logic [CW-1:0] column;  // of the padded row
  logic [PW-1:0] phase;   // columns since the last that ended a window
  logic [NW-1:0] pass;
  logic [GW-1:0] group;
  logic          joined;  // in this padding column the next frame's columns are taken
  logic column_last, pass_last, group_last, ends_window, padding;

  assign column_last = column == CW'(COLUMNS - 1);
  assign ends_window = int'(column) >= LEAD && phase == '0;
  assign pass_last   = !ends_window || pass == NW'(NF - 1);
  assign group_last  = group == GW'(SF - 1);
  assign padding     = COLUMNS > IMAGE && int'(column) >= IMAGE;

  // Rows that the reader needs are there up to the column `from`, or `enough` of them to go on to the next frame.
  logic partly, wholly, available, enough;
  assign wholly    = int'(ahead) >= K || int'(ahead) + int'(top) >= HEIGHT + PAD_T;
  assign partly    = !dropped && (int'(ahead) == K - 1 || int'(ahead) + int'(top) == HEIGHT + PAD_T - 1);
  assign available = wholly || (partly && write_column > from);
  assign enough    = wholly || (partly && int'(write_column) >= MERGED);

  // In the last padding columns of a row the next row is read: within a frame always, at its end (the next is row 0) if
  // it is there.
  logic joins, read, issue, event_done, stage_free;
  assign joins = MERGED > 0 && pass_last && int'(column) >= COLUMNS - MERGED &&
                 (top != '0 || from != '0 || (group == '0 ? enough : joined));
  assign read       = !padding || joins;
  assign issue      = stage_free && (!read || available);
  assign event_done = issue && group_last && pass_last;
  assign read_done  = event_done && read && from == XW'(IMAGE - 1);

  always_ff @(posedge clk) begin
    if (rst) begin
      column <= '0;
      phase  <= '0;
      pass   <= '0;
      group  <= '0;
      top    <= '0;
      bank   <= BW'((BANKS - PAD_T) % BANKS);
      from   <= '0;
    end else begin
      if (issue) group <= group_last ? '0 : group + 1'b1;
      if (issue && group_last) pass <= pass_last ? '0 : pass + 1'b1;
      if (event_done) begin
        if (column_last) column <= joins ? CW'(from) + 1'b1 : '0;
        else column <= column + 1'b1;
        if (column_last || int'(column) < LEAD || phase == PW'(STRIDE - 1)) phase <= '0;
        else phase <= phase + 1'b1;
        if (read) from <= read_done ? '0 : from + 1'b1;
      end
      if (read_done) begin
        top  <= top_last ? '0 : top + TW'(STRIDE);
        bank <= top_last ? turned(bank, (TURN + BANKS) % BANKS) : turned(bank, STRIDE % BANKS);
      end
    end
  end
  always_ff @(posedge clk) if (issue && group == '0) joined <= joins;

  // ---- banks and history, and what belongs to the beat that comes out of them -----------------------------------------
  logic            stage_valid, stage_ends_window, stage_last, fire;
  logic [  GW-1:0] stage_group;
  logic [K*BW-1:0] source;        // the bank of each row of the column; BANKS: zero
  logic [K*BW-1:0] stage_source;

  always_comb begin
    for (int i = 0; i < K; i++) begin
      if (int'(top) < PAD_T - i || int'(top) >= HEIGHT + PAD_T - i) source[i*BW+:BW] = BW'(BANKS);
      else source[i*BW+:BW] = turned(bank, i);
    end
  end

  assign fire       = stage_valid && (!stage_ends_window || m_ready);
  assign stage_free = !stage_valid || fire;
  assign m_valid    = stage_valid && stage_ends_window;

  always_ff @(posedge clk) begin
    if (rst) stage_valid <= 1'b0;
    else if (stage_free) stage_valid <= issue;
  end
  always_ff @(posedge clk) begin
    if (issue) begin
      stage_ends_window <= ends_window;
      stage_last        <= pass_last;
      stage_group       <= group;
      if (read) stage_source <= source;
    end
  end

  logic [(BANKS+1)*SLICE-1:0] slices;  // word of each bank, then zero
  logic [   K*SLICE-1:0] newest;  // the column read
  logic [(K-1)*K*SLICE-1:0] history;
  logic [   K*K*SLICE-1:0] columns;  // columns[j*K*SLICE +: K*SLICE], the oldest first

  assign slices[BANKS*SLICE+:SLICE] = '0;
  for (genvar b = 0; b < BANKS; b++) begin : banks
    logic used;
    always_comb begin
      used = 1'b0;
      for (int i = 0; i < K; i++) used = used || source[i*BW+:BW] == BW'(b);
    end
    line_memory #(
        .DEPTH(WIDTH << GB),
        .WIDTH(SLICE),
        .BLOCK(BLOCK)
    ) u_bank (
        .clk          (clk),
        .read_enable  (issue && read && used),
        .read_address ((XW + GB)'({from, group} >> (GW - GB))),
        .q            (slices[b*SLICE+:SLICE]),
        .write_enable (write && write_bank == BW'(b)),
        .write_address((XW + GB)'({write_column, write_group} >> (GW - GB))),
        .d            (s_data)
    );
  end
  for (genvar i = 0; i < K; i++) begin : turn
    assign newest[i*SLICE+:SLICE] = slices[int'(stage_source[i*BW+:BW])*SLICE+:SLICE];
  end

  assign columns = {newest, history};
  if (SF > 1) begin : memory
    // A group is read again two clocks or more after its last pass wrote it.
    line_memory #(
        .DEPTH(SF),
        .WIDTH((K - 1) * K * SLICE),
        .BLOCK(HISTORY)
    ) u_history (
        .clk          (clk),
        .read_enable  (issue),
        .read_address (group),
        .q            (history),
        .write_enable (fire && stage_last),
        .write_address(stage_group),
        .d            (columns[K*K*SLICE-1:K*SLICE])
    );
  end else begin : registers
    always_ff @(posedge clk) if (fire && stage_last) history <= columns[K*K*SLICE-1:K*SLICE];
    logic unused;
    assign unused = &{1'b0, stage_group};
  end

  // ---- the window: columns outside of the image are hidden -------------------------------------------------------------
  for (genvar j = 0; j < K; j++) begin : tap_column
    // Column `column` of the padded row is j = K-1; only columns from LEAD on end windows.
    logic hidden;
    if (j < PAD_L || COLUMNS - K + j >= WIDTH) begin : beside
      always_ff @(posedge clk) begin
        if (issue) hidden <= int'(column) < K - 1 - j || int'(column) >= WIDTH + K - 1 - j;
      end
    end else begin : shown
      assign hidden = 1'b0;
    end
    for (genvar i = 0; i < K; i++) begin : tap_row
      assign m_data[(i*K+j)*SLICE+:SLICE] = columns[(j*K+i)*SLICE+:SLICE] & {SLICE{!hidden}};
    end
  end
endmodule
`default_nettype wire
