// Memories of each width and way of writing, and multipliers: what becomes block RAM and DSP blocks. Outputs side by side.
module cells (
  input  logic        clk,
  input  logic [13:0] ra, wa,   // addresses to read and to write
  input  logic        re, we,
  input  logic [3:0]  be,       // bytes to write
  input  logic [35:0] d,
  input  logic [17:0] x, y,
  output logic [35:0] q1, q2, q4, q9, q18, q36, bytes, one, through, words,
  output logic [35:0] product, unsigned_product
);
  // One port reads, one writes; no address is read while it is written.
  (* ram_style = "block", no_rw_check *) logic [0:0]  m1 [8192];
  (* ram_style = "block", no_rw_check *) logic [1:0]  m2 [4096];
  (* ram_style = "block", no_rw_check *) logic [3:0]  m4 [2048];
  (* ram_style = "block", no_rw_check *) logic [8:0]  m9 [1024];
  (* ram_style = "block", no_rw_check *) logic [17:0] m18[512];
  (* ram_style = "block", no_rw_check *) logic [35:0] m36[256];
  initial begin
    $readmemh("m1.mem", m1);
    $readmemh("m2.mem", m2);
    $readmemh("m4.mem", m4);
    $readmemh("m9.mem", m9);
    $readmemh("m18.mem", m18);
    $readmemh("m36.mem", m36);
  end
  assign {q1[35:1], q2[35:2], q4[35:4], q9[35:9], q18[35:18]} = '0;
  always_ff @(posedge clk) begin
    if (we) begin
      m1[wa[12:0]]  <= d[0:0];
      m2[wa[11:0]]  <= d[1:0];
      m4[wa[10:0]]  <= d[3:0];
      m9[wa[9:0]]   <= d[8:0];
      m18[wa[8:0]]  <= d[17:0];
      m36[wa[7:0]]  <= d;
    end
    if (re) begin
      q1[0]     <= m1[ra[12:0]];
      q2[1:0]   <= m2[ra[11:0]];
      q4[3:0]   <= m4[ra[10:0]];
      q9[8:0]   <= m9[ra[9:0]];
      q18[17:0] <= m18[ra[8:0]];
      q36       <= m36[ra[7:0]];
    end
  end

  // Bytes of 9 bits written alone.
  (* ram_style = "block", no_rw_check *) logic [35:0] mb[256];
  initial $readmemh("m36.mem", mb);
  always_ff @(posedge clk) begin
    for (int i = 0; i < 4; i++) if (we && be[i]) mb[wa[7:0]][9*i+:9] <= d[9*i+:9];
    if (re) bytes <= mb[ra[7:0]];
  end

  // One port that reads or writes; one that shows what it writes.
  (* ram_style = "block" *) logic [35:0] ms[256], mt[256];
  initial begin
    $readmemh("m36.mem", ms);
    $readmemh("m36.mem", mt);
  end
  always_ff @(posedge clk) begin
    if (we) ms[wa[7:0]] <= d;
    else one <= ms[wa[7:0]];
  end
  always_ff @(posedge clk) begin
    if (we) mt[wa[7:0]] <= d;
    if (we) through <= d;
    else through <= mt[wa[7:0]];
  end

  // Read only.
  (* rom_style = "block" *) logic [31:0] rom[512];
  initial for (int i = 0; i < 512; i++) rom[i] = i * 32'h9e3779b9;
  always_ff @(posedge clk) if (re) words <= {4'b0, rom[ra[8:0]]};

  // Names that the synthesis of DSP blocks looks for.
  logic signed [35:0] signed_dsp_product;
  logic        [35:0] unsigned_dsp_product;
  assign signed_dsp_product   = $signed(x) * $signed(y);
  assign unsigned_dsp_product = x * y;
  always_ff @(posedge clk) begin
    product <= signed_dsp_product;
    unsigned_product <= unsigned_dsp_product;
  end
endmodule
