// The K largest of N numbers: their indices, the largest first; ties go to the lowest index.
//
// formula:  y[j] = the index i for which exactly j numbers come first: larger ones, and equal ones of lower index
// input:    one number a beat, N beats a vector; output: one index a beat, K beats a vector
// latency:  1 clock from the last number to the first index
// rate:     1 number a clock: N clocks a vector, because the next one comes in while K indices are sent
// storage:  K numbers and 2*K indices in registers; K comparators
`default_nettype none
module top_k #(
    parameter  int N      = 10,  // numbers of a vector; 1 or more
    parameter  int K      = 3,   // indices sent; 1 .. N
    parameter  int BITS   = 12,  // bits of a number
    parameter  int SIGNED = 1,   // 1: two's complement
    localparam int IW     = N > 1 ? $clog2(N) : 1
) (
    input  wire logic            clk,
    input  wire logic            rst,
    input  wire logic [BITS-1:0] s_data,
    input  wire logic            s_valid,
    output      logic            s_ready,
    output      logic [  IW-1:0] m_data,
    output      logic            m_valid,
    input  wire logic            m_ready
);
  localparam int LW = $clog2(K + 1);

  if (K < 1 || K > N) begin : bad_k
    ERROR_K_must_be_1_to_N error ();
  end

  logic [    IW-1:0] index;  // of the number at the input
  logic [K*BITS-1:0] best;   // the largest numbers so far, in order
  logic [  K*IW-1:0] best_index, next_index;
  logic [     K-1:0] ahead;  // number j of the best comes before the one at the input
  logic [  K*IW-1:0] send;   // indices that still have to go out
  logic [    LW-1:0] left;   // how many
  logic last, take;

  assign last    = index == IW'(N - 1);
  assign s_ready = !last || left == '0 || (left == LW'(1) && m_ready);
  assign take    = s_valid && s_ready;
  assign m_valid = left != '0;
  assign m_data  = send[IW-1:0];

  always_ff @(posedge clk) begin
    if (rst) begin
      index <= '0;
      left  <= '0;
    end else begin
      if (take) index <= last ? '0 : index + 1'b1;
      if (take && last) left <= LW'(K);
      else if (m_valid && m_ready) left <= left - 1'b1;
    end
  end

  // Insertion: numbers behind the new one move on by one place.
  for (genvar j = 0; j < K; j++) begin : place
    logic signed [BITS:0] mine, other;  // with a sign bit
    assign mine     = {SIGNED != 0 && best[(j+1)*BITS-1], best[j*BITS+:BITS]};
    assign other    = {SIGNED != 0 && s_data[BITS-1], s_data};
    assign ahead[j] = int'(index) > j && mine >= other;
    if (j == 0) begin : first
      assign next_index[j*IW+:IW] = ahead[j] ? best_index[j*IW+:IW] : index;
      always_ff @(posedge clk) if (take && !ahead[j]) best[j*BITS+:BITS] <= s_data;
    end else begin : later
      logic shift;  // the new number takes a place before this one
      assign shift = !ahead[j-1];
      assign next_index[j*IW+:IW] = ahead[j] ? best_index[j*IW+:IW] : shift ? best_index[(j-1)*IW+:IW] : index;
      always_ff @(posedge clk) begin
        if (take && !ahead[j]) best[j*BITS+:BITS] <= shift ? best[(j-1)*BITS+:BITS] : s_data;
      end
    end
  end

  always_ff @(posedge clk) begin
    if (take) best_index <= next_index;
    if (take && last) send <= next_index;
    else if (m_valid && m_ready) send <= send >> IW;
  end
endmodule
`default_nettype wire
