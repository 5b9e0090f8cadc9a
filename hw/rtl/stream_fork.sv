// Fork: one stream to several. Each output takes each beat once, in a clock of its own choice.
//
// formula:  each output = s_data, in order, nothing lost or doubled; the input moves on once all outputs have the beat
// latency:  0 clocks          rate: 1 beat a clock          storage: 1 bit an output, no data
`default_nettype none
module stream_fork #(
    parameter int WIDTH   = 8,  // bits of a beat
    parameter int OUTPUTS = 2   // streams out; 1 or more
) (
    input  wire logic               clk,
    input  wire logic               rst,
    input  wire logic [  WIDTH-1:0] s_data,
    input  wire logic               s_valid,
    output      logic               s_ready,
    output      logic [  WIDTH-1:0] m_data,   // the same for all outputs
    output      logic [OUTPUTS-1:0] m_valid,
    input  wire logic [OUTPUTS-1:0] m_ready
);
  logic [OUTPUTS-1:0] done;  // outputs that have taken the beat which still waits for others

  if (OUTPUTS < 1) begin : bad_outputs
    ERROR_OUTPUTS_must_be_at_least_1 error ();
  end

  assign m_data  = s_data;
  assign m_valid = {OUTPUTS{s_valid}} & ~done;
  assign s_ready = (done | m_ready) == '1;

  always_ff @(posedge clk) begin
    if (rst) done <= '0;
    else if (s_valid) done <= s_ready ? '0 : done | m_ready;
  end
endmodule
`default_nettype wire
