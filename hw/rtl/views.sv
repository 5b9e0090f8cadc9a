// Views of an image: takes an image once and sends crops of it, each as it is and then, if FLIP, with its columns in
// reverse. Two frames, so that the next image comes in while the views of this one go out; or one, in half the memory.
//
// input:    a pixel is NF = CHANNELS/SIMD beats of SIMD channels, raster order
// formula:  R = CROPS*(1 + FLIP) views; for each crop i < CROPS, for each f <= FLIP, for r < CROP_H, c < CROP_W in raster
//           order, for each group g < NF one beat x[TOP[i] + r, LEFT[i] + (f ? CROP_W - 1 - c : c), g]
// user:     m_user = {last view, s_user of the image's first beat}; m_last with the last beat of each view
// rate:     1 beat a clock on either side, no idle clock between views. An image takes, if nothing stalls,
//           FRAMES = 2: max(R*CROP_H*CROP_W, HEIGHT*WIDTH)*NF clocks, no idle clock between images
//           FRAMES = 1: (R*CROP_H*CROP_W + HEIGHT*WIDTH)*NF clocks
// latency:  2 clocks from the last beat of an image to the first beat of its first view
// storage:  FRAMES*HEIGHT*WIDTH*NF beats in LUT or block RAM
`default_nettype none
module views #(
    parameter  int                  CHANNELS = 1,   // channels of a pixel
    parameter  int                  BITS     = 4,   // bits of a channel
    parameter  int                  SIMD     = 1,   // channels of a beat; divides CHANNELS
    parameter  int                  HEIGHT   = 28,  // rows of the image
    parameter  int                  WIDTH    = 28,  // columns of the image
    parameter  int                  CROP_H   = 24,  // rows of a view
    parameter  int                  CROP_W   = 24,  // columns of a view
    parameter  int                  CROPS    = 1,   // crops; 1 or more
    parameter       [CROPS*32-1:0]  TOP      = '0,  // row of the image that is the first of crop i at i*32
    parameter       [CROPS*32-1:0]  LEFT     = '0,  // column of the image that is the first of crop i at i*32
    parameter  int                  FLIP     = 0,   // 1: each crop twice, the second time flipped
    parameter  int                  USER     = 1,   // bits that come with an image; 1 or more
    parameter  int                  FRAMES   = 2,   // images in the memory, 1 or 2
    parameter  int                  BLOCK    = 0,   // 1: memory in block RAM
    localparam int                  SLICE    = SIMD * BITS
) (
    input  wire logic             clk,
    input  wire logic             rst,
    input  wire logic [SLICE-1:0] s_data,
    input  wire logic [ USER-1:0] s_user,
    input  wire logic             s_valid,
    output      logic             s_ready,
    output      logic [SLICE-1:0] m_data,
    output      logic [   USER:0] m_user,
    output      logic             m_last,
    output      logic             m_valid,
    input  wire logic             m_ready
);
  localparam int NF = CHANNELS / SIMD;
  localparam int BEATS = HEIGHT * WIDTH * NF;
  localparam int VIEWS = CROPS * (FLIP != 0 ? 2 : 1);
  localparam int DEPTH = FRAMES * BEATS > 2 ? FRAMES * BEATS : 2;

  localparam int AW = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam int MW = $clog2(DEPTH);
  localparam int NW = NF > 1 ? $clog2(NF) : 1;
  localparam int XW = CROP_W > 1 ? $clog2(CROP_W) : 1;
  localparam int YW = CROP_H > 1 ? $clog2(CROP_H) : 1;
  localparam int VW = VIEWS > 1 ? $clog2(VIEWS) : 1;

  if (CHANNELS % SIMD != 0) begin : bad_simd
    ERROR_SIMD_must_divide_CHANNELS error ();
  end
  if (CROP_H < 1 || CROP_H > HEIGHT || CROP_W < 1 || CROP_W > WIDTH) begin : bad_crop
    ERROR_CROP_H_and_CROP_W_must_be_1_to_HEIGHT_and_WIDTH error ();
  end
  if (CROPS < 1 || USER < 1) begin : bad_count
    ERROR_CROPS_and_USER_must_be_at_least_1 error ();
  end
  if (FRAMES < 1 || FRAMES > 2) begin : bad_frames
    ERROR_FRAMES_must_be_1_or_2 error ();
  end

  // ---- writer ----------------------------------------------------------------------------------------------------------
  logic [       1:0] full;   // banks that hold a whole image
  logic [2*USER-1:0] users;  // what came with it
  logic write_bank, read_bank;
  logic [AW-1:0] write_at;
  logic write, write_last;

  assign s_ready    = !full[write_bank];
  assign write      = s_valid && s_ready;
  assign write_last = write_at == AW'(BEATS - 1);

  always_ff @(posedge clk) begin
    if (write && write_at == '0) begin
      if (write_bank) users[USER+:USER] <= s_user;
      else users[0+:USER] <= s_user;
    end
  end

  // ---- reader: a step of its address leads to the next beat, a table to the first beat of the next view ----------------
  // From the last beat of a pixel to the first of the next one, in a row and from one row to the next.
  localparam int TURN = (WIDTH - CROP_W) * NF + 1;
  localparam int FLIPPED_STEP = 1 - 2 * NF;
  localparam int FLIPPED_TURN = (WIDTH + CROP_W - 2) * NF + 1;

  logic [AW-1:0] read_at;
  logic [NW-1:0] group;
  logic [XW-1:0] column;
  logic [YW-1:0] row;
  logic [VW-1:0] view;
  logic [AW-1:0] step;
  logic [VIEWS*AW-1:0] starts;  // first address of the view after view v at v*AW
  logic read, flipped, group_last, column_last, row_last, view_last, view_done;

  assign read        = full[read_bank] && (!m_valid || m_ready);
  assign flipped     = FLIP != 0 && view[0];
  assign group_last  = group == NW'(NF - 1);
  assign column_last = column == XW'(CROP_W - 1);
  assign row_last    = row == YW'(CROP_H - 1);
  assign view_last   = view == VW'(VIEWS - 1);
  assign view_done   = group_last && column_last && row_last;

  for (genvar i = 0; i < CROPS; i++) begin : crop
    localparam int FIRST = (int'(TOP[i*32+:32]) * WIDTH + int'(LEFT[i*32+:32])) * NF;
    if (TOP[i*32+:32] > 32'(HEIGHT - CROP_H) || LEFT[i*32+:32] > 32'(WIDTH - CROP_W)) begin : bad_crop
      ERROR_a_crop_must_lie_in_the_image error ();
    end
    if (FLIP != 0) begin : twice
      assign starts[2*i*AW+:AW] = AW'(FIRST + (CROP_W - 1) * NF);
      assign starts[((2*i+VIEWS-1)%VIEWS)*AW+:AW] = AW'(FIRST);
    end else begin : once
      assign starts[((i+VIEWS-1)%VIEWS)*AW+:AW] = AW'(FIRST);
    end
  end

  always_comb begin
    if (!group_last) step = AW'(1);
    else if (!column_last) step = flipped ? AW'(FLIPPED_STEP) : AW'(1);
    else step = flipped ? AW'(FLIPPED_TURN) : AW'(TURN);
  end

  always_ff @(posedge clk) begin
    if (rst) begin
      full       <= '0;
      write_bank <= 1'b0;
      read_bank  <= 1'b0;
      write_at   <= '0;
      read_at    <= starts[(VIEWS-1)*AW+:AW];
      group      <= '0;
      column     <= '0;
      row        <= '0;
      view       <= '0;
      m_valid    <= 1'b0;
    end else begin
      if (write) begin
        write_at <= write_last ? '0 : write_at + 1'b1;
        if (write_last) begin
          write_bank       <= FRAMES > 1 && !write_bank;
          full[write_bank] <= 1'b1;
        end
      end
      if (read) begin
        read_at <= view_done ? starts[int'(view)*AW+:AW] : read_at + step;
        group   <= group_last ? '0 : group + 1'b1;
        if (group_last) column <= column_last ? '0 : column + 1'b1;
        if (group_last && column_last) row <= row_last ? '0 : row + 1'b1;
        if (view_done) view <= view_last ? '0 : view + 1'b1;
        if (view_done && view_last) begin
          read_bank       <= FRAMES > 1 && !read_bank;
          full[read_bank] <= 1'b0;
        end
      end
      if (read) m_valid <= 1'b1;
      else if (m_ready) m_valid <= 1'b0;
    end
  end

  always_ff @(posedge clk) begin
    if (read) begin
      m_last <= view_done;
      m_user <= {view_last, read_bank ? users[USER+:USER] : users[0+:USER]};
    end
  end

  // A bank is either written or read, never both. The bank is the lowest address bit: no words between the images.
  line_memory #(
      .DEPTH(DEPTH),
      .WIDTH(SLICE),
      .BLOCK(BLOCK)
  ) u_memory (
      .clk          (clk),
      .read_enable  (read),
      .read_address (MW'({read_at, read_bank} >> (2 - FRAMES))),
      .q            (m_data),
      .write_enable (write),
      .write_address(MW'({write_at, write_bank} >> (2 - FRAMES))),
      .d            (s_data)
  );
endmodule
`default_nettype wire
