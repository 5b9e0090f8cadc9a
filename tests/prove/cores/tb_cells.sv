// Plays the same noise into the module cells and into its netlist, and counts the clocks on which they differ.
`timescale 1ns / 1ps
module tb_cells;
  logic clk = 1'b0;
  always #5 clk = ~clk;

  logic [31:0] noise = 32'd1, a, b;
  assign a = noise ^ (noise << 13);
  assign b = a ^ (a >> 17);

  logic [13:0] ra, wa;
  logic [3:0]  be;
  logic [35:0] d;
  logic [17:0] x, y;
  logic re = 1'b0, we = 1'b0;
  wire [36*12-1:0] rtl, net;

  cells dut (
    .clk(clk), .ra(ra), .wa(wa), .re(re), .we(we), .be(be), .d(d), .x(x), .y(y),
    .q1(rtl[36*0+:36]), .q2(rtl[36*1+:36]), .q4(rtl[36*2+:36]), .q9(rtl[36*3+:36]), .q18(rtl[36*4+:36]), .q36(rtl[36*5+:36]),
    .bytes(rtl[36*6+:36]), .one(rtl[36*7+:36]), .through(rtl[36*8+:36]), .words(rtl[36*9+:36]), .product(rtl[36*10+:36]), .unsigned_product(rtl[36*11+:36]));
  cells_netlist netlist (
    .clk(clk), .ra(ra), .wa(wa), .re(re), .we(we), .be(be), .d(d), .x(x), .y(y),
    .q1(net[36*0+:36]), .q2(net[36*1+:36]), .q4(net[36*2+:36]), .q9(net[36*3+:36]), .q18(net[36*4+:36]), .q36(net[36*5+:36]),
    .bytes(net[36*6+:36]), .one(net[36*7+:36]), .through(net[36*8+:36]), .words(net[36*9+:36]), .product(net[36*10+:36]), .unsigned_product(net[36*11+:36]));

  integer different [0:11];
  integer varied [0:11];
  integer count = 0;
  reg [36*12-1:0] earlier;
  always @(posedge clk) begin
    noise <= b ^ (b << 5);
    d  <= {noise[3:0], noise};
    be <= noise[11:8];
    wa <= {noise[12] ? noise[25:20] : 6'd0, noise[19:12]};
    ra <= {noise[13] ? noise[31:26] : 6'd0, noise[7:0]};
    we <= noise[4];
    // Never what is written on the same clock, by any of the memories.
    re <= noise[7:0] != noise[19:12];
    x  <= noise[17:0];
    y  <= noise[31:14];
    count <= count + 1;
    earlier <= rtl;
    for (i = 0; i < 12; i = i + 1) if (count > 16) begin
      if (rtl[36*i+:36] !== net[36*i+:36]) different[i] = different[i] + 1;
      if (rtl[36*i+:36] !== earlier[36*i+:36]) varied[i] = varied[i] + 1;
    end
    if (count == 900) begin
      for (i = 0; i < 12; i = i + 1) $display("RESULT %0d %0d", different[i], varied[i]);
      $finish;
    end
  end
  integer i;
  initial for (i = 0; i < 12; i = i + 1) begin
    different[i] = 0;
    varied[i] = 0;
  end
endmodule
