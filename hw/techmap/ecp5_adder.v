// How Yosys is to make an adder of carry cells of an ECP5: in place of the map of its own, from which it differs in
// where a chain begins and ends. nextpnr-ecp5 lets any signal into a chain, constants too, by two cells more, and any
// carry out of it by another two. Here:
//
//   Y  = A + (BI ? ~B : B) + CI, bits of CO the carry out of each
//   in   the first half of a chain makes the first carry, in its LUT2, and adds nothing (its LUT4 is 0), so that the
//        pin CIN of the chain says nothing: of the bits 0 where CI and BI are constant and Y has an even number of bits
//        (bit 0 of Y is a LUT then), of CI otherwise
//   out  the last half has no operands: its sum is the carry out; where nobody reads that, its cell goes
//
// Takes Y_WIDTH + 1 LUTs, and two more where the last carry is read; nothing more is added by place and route once
// lutwright/flow/ecp5.py has taken the constant from the first CIN and the unread net from the last COUT. Up to 4 bits
// are left to plain LUTs. Parameters and ports: those of Yosys' cell $alu.
(* techmap_celltype = "$alu" *)
module _80_ecp5_adder (A, B, CI, BI, X, Y, CO);
  parameter A_SIGNED = 0;  // A is extended by its sign
  parameter B_SIGNED = 0;  // B is extended by its sign
  parameter A_WIDTH = 1;  // bits of A
  parameter B_WIDTH = 1;  // bits of B
  parameter Y_WIDTH = 1;  // bits of Y, X and CO
  parameter _TECHMAP_CONSTMSK_CI_ = 0;  // CI is constant
  parameter _TECHMAP_CONSTVAL_CI_ = 0;  // and is this
  parameter _TECHMAP_CONSTMSK_BI_ = 0;  // BI is constant
  parameter _TECHMAP_CONSTVAL_BI_ = 0;  // and is this

  (* force_downto *)
  input [A_WIDTH-1:0] A;
  (* force_downto *)
  input [B_WIDTH-1:0] B;
  input CI, BI;
  (* force_downto *)
  output [Y_WIDTH-1:0] X, Y, CO;

  wire _TECHMAP_FAIL_ = Y_WIDTH <= 4;

  localparam KNOWN = _TECHMAP_CONSTMSK_CI_ && _TECHMAP_CONSTMSK_BI_;
  localparam SKIP = KNOWN && Y_WIDTH % 2 == 0 ? 1 : 0;  // bits of Y that are made outside the chain
  localparam HALVES = 1 + (Y_WIDTH - SKIP) + 1;
  localparam CELLS = (HALVES + 1) / 2;
  // The first carry, of inputs A and B of the first half: of bits 0 of A and B, or A itself, which is CI there.
  localparam [3:0] OF_SUM = _TECHMAP_CONSTVAL_CI_ ? 4'b1110 : 4'b1000;
  localparam [3:0] OF_DIFFERENCE = _TECHMAP_CONSTVAL_CI_ ? 4'b1011 : 4'b0010;
  localparam [3:0] CARRY = !SKIP ? 4'b1010 : _TECHMAP_CONSTVAL_BI_ ? OF_DIFFERENCE : OF_SUM;
  localparam [15:0] ADD = 16'b1001011010101010;  // A ^ B ^ C where D is 1; LUT2: A

  (* force_downto *)
  wire [Y_WIDTH-1:0] a, b;
  \$pos #(.A_SIGNED(A_SIGNED), .A_WIDTH(A_WIDTH), .Y_WIDTH(Y_WIDTH)) a_conv (.A(A), .Y(a));
  \$pos #(.A_SIGNED(B_SIGNED), .A_WIDTH(B_WIDTH), .Y_WIDTH(Y_WIDTH)) b_conv (.A(B), .Y(b));

  (* force_downto *)
  wire [2*CELLS-1:0] half_a, half_b, invert, sum;
  assign half_a = {a[Y_WIDTH-1:SKIP], SKIP ? a[0] : CI};
  assign half_b = {b[Y_WIDTH-1:SKIP], SKIP ? b[0] : 1'b0};
  assign invert = {{(Y_WIDTH - SKIP) {BI}}, 1'b0};

  (* force_downto *)
  wire [CELLS:0] carry;
  assign carry[0] = 1'b0;

  genvar i;
  generate
    for (i = 0; i < CELLS; i = i + 1) begin : pair
      CCU2C #(
          .INIT0(i == 0 ? {12'b0, CARRY} : ADD),
          .INIT1(ADD),
          .INJECT1_0("NO"),
          .INJECT1_1("NO")
      ) u_carry (
          .CIN(carry[i]),
          .A0(half_a[2*i]),
          .B0(half_b[2*i]),
          .C0(invert[2*i]),
          .D0(1'b1),
          .A1(half_a[2*i+1]),
          .B1(half_b[2*i+1]),
          .C1(invert[2*i+1]),
          .D1(1'b1),
          .S0(sum[2*i]),
          .S1(sum[2*i+1]),
          .COUT(carry[i+1])
      );
    end
    if (SKIP) assign Y[0] = a[0] ^ b[0] ^ BI ^ CI;
  endgenerate

  assign Y[Y_WIDTH-1:SKIP] = sum[1+:Y_WIDTH-SKIP];
  assign X = a ^ b ^ {Y_WIDTH{BI}};
  assign CO = {sum[HALVES-1], Y[Y_WIDTH-1:1] ^ X[Y_WIDTH-1:1]};
endmodule
