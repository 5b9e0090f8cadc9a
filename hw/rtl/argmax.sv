// Index of the largest of N numbers; ties go to the lowest index.
//
// formula:  y = min { i : x[i] >= x[j] for all j }
// input:    one number a beat, N beats a frame
// latency:  1 clock from the last number          rate: 1 number a clock
`default_nettype none
module argmax #(
    parameter  int N      = 10,  // numbers of a frame; 2 or more
    parameter  int BITS   = 12,  // bits of a number
    parameter  int SIGNED = 1,   // 1: two's complement
    localparam int IW     = $clog2(N)
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
  logic [  IW-1:0] index, best_index;
  logic [BITS-1:0] best;
  logic last, larger;

  assign last = index == IW'(N - 1);
  if (SIGNED != 0) begin : two
    assign larger = $signed(s_data) > $signed(best);
  end else begin : one
    assign larger = s_data > best;
  end
  assign s_ready = !m_valid || m_ready;

  always_ff @(posedge clk) begin
    if (rst) begin
      index   <= '0;
      m_valid <= 1'b0;
    end else begin
      if (m_ready) m_valid <= 1'b0;
      if (s_valid && s_ready) begin
        index   <= last ? '0 : index + 1'b1;
        m_valid <= last;
      end
    end
  end

  always_ff @(posedge clk) begin
    if (s_valid && s_ready && (index == '0 || larger)) begin
      best       <= s_data;
      best_index <= index;
    end
  end
  assign m_data = best_index;
endmodule
`default_nettype wire
