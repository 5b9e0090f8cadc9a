// Registers of the learner on AXI4-Lite; docs/learner-registers.md has the table. PeakRDL-etana 0.8.0 made this of
// hw/rdl/learner.rdl: do not edit it, `make registers`.
//
// access:   32 bits; an address without a register, a write to what is only read and a read of what is only written get
//           SLVERR and change nothing. Reading changes nothing anywhere
// rate:     one access a clock, reads and writes in turn where both wait; 2 clocks from an address to its answer
`default_nettype none
module learner_registers (
        input wire clk,
        input wire rst,

        output logic s_axil_awready,
        input wire s_axil_awvalid,
        input wire [6:0] s_axil_awaddr,
        input wire [2:0] s_axil_awprot,
        output logic s_axil_wready,
        input wire s_axil_wvalid,
        input wire [31:0] s_axil_wdata,
        input wire [3:0]s_axil_wstrb,
        input wire s_axil_bready,
        output logic s_axil_bvalid,
        output logic [1:0] s_axil_bresp,
        output logic s_axil_arready,
        input wire s_axil_arvalid,
        input wire [6:0] s_axil_araddr,
        input wire [2:0] s_axil_arprot,
        input wire s_axil_rready,
        output logic s_axil_rvalid,
        output logic [31:0] s_axil_rdata,
        output logic [1:0] s_axil_rresp,

        input wire [31:0] hwif_in_features_value,
        input wire [31:0] hwif_in_subspaces_value,
        input wire [31:0] hwif_in_anchors_value,
        input wire [31:0] hwif_in_classes_value,
        input wire [7:0] hwif_in_widths_feature_bits,
        input wire [7:0] hwif_in_widths_fraction_bits,
        input wire [7:0] hwif_in_widths_count_bits,
        input wire [1:0] hwif_in_rule_policy,
        input wire hwif_in_rule_distance,
        input wire hwif_in_rule_signed_features,
        input wire [15:0] hwif_in_seed_value,
        input wire [15:0] hwif_in_versions_value,
        input wire [31:0] hwif_in_lanes_value,
        input wire [31:0] hwif_in_words_value,
        output logic [31:0] hwif_out_data_value,
        output logic [2:0] hwif_out_command_op,
        output logic hwif_out_command_op_swmod,
        output logic [23:0] hwif_out_command_label,
        input wire [31:0] hwif_in_answer_value,
        input wire hwif_in_status_busy,
        output logic hwif_out_status_answered,
        input wire hwif_in_status_answered_hwclr,
        input wire hwif_in_status_answered_hwset,
        input wire hwif_in_status_refused_hwset,
        input wire hwif_in_status_result,
        input wire [3:0] hwif_in_status_code,
        output logic hwif_out_control_capture,
        output logic hwif_out_control_answered_interrupt,
        output logic hwif_out_control_result_interrupt,
        input wire [23:0] hwif_in_result_label,
        input wire [3:0] hwif_in_result_code,
        input wire [31:0] hwif_in_votes_value,
        input wire [31:0] hwif_in_margin_value,
        output logic hwif_out_take_next
    );

    //--------------------------------------------------------------------------
    // CPU Bus interface logic
    //--------------------------------------------------------------------------
    logic cpuif_req;
    logic cpuif_req_is_wr;
    logic [6:0] cpuif_addr;
    logic [31:0] cpuif_wr_data;
    logic [31:0] cpuif_wr_biten;
    logic cpuif_req_stall_wr;
    logic cpuif_req_stall_rd;

    logic cpuif_rd_ack;
    logic cpuif_rd_err;
    logic [31:0] cpuif_rd_data;

    logic cpuif_wr_ack;
    logic cpuif_wr_err;


    // Max Outstanding Transactions: 2
    logic [1:0] axil_n_in_flight;
    logic axil_prev_was_rd;
    logic axil_arvalid;
    logic [6:0] axil_araddr;
    logic axil_ar_accept;
    logic axil_awvalid;
    logic [6:0] axil_awaddr;
    logic axil_wvalid;
    logic [31:0] axil_wdata;
    logic [3:0] axil_wstrb;
    logic axil_aw_accept;
    logic axil_resp_acked;

    // Transaction request acceptance
    always_ff @(posedge clk) begin
        if(rst) begin
            axil_prev_was_rd <= '0;
            axil_arvalid <= '0;
            axil_araddr <= '0;
            axil_awvalid <= '0;
            axil_awaddr <= '0;
            axil_wvalid <= '0;
            axil_wdata <= '0;
            axil_wstrb <= '0;
            axil_n_in_flight <= '0;
        end else begin
            // AR* acceptance register
            if(axil_ar_accept) begin
                axil_prev_was_rd <= '1;
                axil_arvalid <= '0;
            end
            if(s_axil_arvalid && s_axil_arready) begin
                axil_arvalid <= '1;
                axil_araddr <= s_axil_araddr;
            end

            // AW* & W* acceptance registers
            if(axil_aw_accept) begin
                axil_prev_was_rd <= '0;
                axil_awvalid <= '0;
                axil_wvalid <= '0;
            end
            if(s_axil_awvalid && s_axil_awready) begin
                axil_awvalid <= '1;
                axil_awaddr <= s_axil_awaddr;
            end
            if(s_axil_wvalid && s_axil_wready) begin
                axil_wvalid <= '1;
                axil_wdata <= s_axil_wdata;
                axil_wstrb <= s_axil_wstrb;
            end

            // Keep track of in-flight transactions
            if((axil_ar_accept || axil_aw_accept) && !axil_resp_acked) begin
                axil_n_in_flight <= axil_n_in_flight + 1'b1;
            end else if(!(axil_ar_accept || axil_aw_accept) && axil_resp_acked) begin
                axil_n_in_flight <= axil_n_in_flight - 1'b1;
            end
        end
    end

    always @(*) begin
        s_axil_arready = (!axil_arvalid || axil_ar_accept);
        s_axil_awready = (!axil_awvalid || axil_aw_accept);
        s_axil_wready = (!axil_wvalid || axil_aw_accept);
    end

    // Request dispatch
    always @(*) begin
        cpuif_wr_data = axil_wdata;
        for(int i=0; i<4; i++) begin
            cpuif_wr_biten[i*8 +: 8] = {8{axil_wstrb[i]}};
        end
        cpuif_req = '0;
        cpuif_req_is_wr = '0;
        cpuif_addr = '0;
        axil_ar_accept = '0;
        axil_aw_accept = '0;

        if(axil_n_in_flight < 2'd2) begin
            // Can safely issue more transactions without overwhelming response buffer
            if(axil_arvalid && !axil_prev_was_rd) begin
                cpuif_req = '1;
                cpuif_req_is_wr = '0;
                cpuif_addr = {axil_araddr[6:2], 2'b0};
                if(!cpuif_req_stall_rd) axil_ar_accept = '1;
            end else if(axil_awvalid && axil_wvalid) begin
                cpuif_req = '1;
                cpuif_req_is_wr = '1;
                cpuif_addr = {axil_awaddr[6:2], 2'b0};
                if(!cpuif_req_stall_wr) axil_aw_accept = '1;
            end else if(axil_arvalid) begin
                cpuif_req = '1;
                cpuif_req_is_wr = '0;
                cpuif_addr = {axil_araddr[6:2], 2'b0};
                if(!cpuif_req_stall_rd) axil_ar_accept = '1;
            end
        end
    end


    // AXI4-Lite Response Logic

    logic [1:0] axil_resp_wptr;
    logic [1:0] axil_resp_rptr;
    logic [1:0] axil_resp_buffer_is_wr;
    logic [1:0] axil_resp_buffer_err;
    logic [31:0] axil_resp_buffer_rdata [1:0];

    always_ff @(posedge clk) begin
        if(rst) begin
            for(int i=0; i<2; i++) begin
                axil_resp_buffer_is_wr[i] <= '0;
                axil_resp_buffer_err  [i] <= '0;
                axil_resp_buffer_rdata[i] <= '0;
            end
            axil_resp_wptr <= '0;
            axil_resp_rptr <= '0;
        end else begin
            // Store responses in buffer until AXI response channel accepts them
            if(cpuif_rd_ack || cpuif_wr_ack) begin
                if(cpuif_rd_ack) begin
                    axil_resp_buffer_is_wr[axil_resp_wptr[0:0]] <= '0;
                    axil_resp_buffer_err  [axil_resp_wptr[0:0]] <= cpuif_rd_err;
                    axil_resp_buffer_rdata[axil_resp_wptr[0:0]] <= cpuif_rd_data;

                end else if(cpuif_wr_ack) begin
                    axil_resp_buffer_is_wr[axil_resp_wptr[0:0]] <= '1;
                    axil_resp_buffer_err  [axil_resp_wptr[0:0]] <= cpuif_wr_err;
                end
                axil_resp_wptr <= axil_resp_wptr + 1'b1;
            end

            // Advance read pointer when acknowledged
            if(axil_resp_acked) begin
                axil_resp_rptr <= axil_resp_rptr + 1'b1;
            end
        end
    end

    always @(*) begin
        axil_resp_acked = '0;
        s_axil_bvalid = '0;
        s_axil_rvalid = '0;
        if(axil_resp_rptr != axil_resp_wptr) begin
            if(axil_resp_buffer_is_wr[axil_resp_rptr[0:0]]) begin
                s_axil_bvalid = '1;
                if(s_axil_bready) axil_resp_acked = '1;
            end else begin
                s_axil_rvalid = '1;
                if(s_axil_rready) axil_resp_acked = '1;
            end
        end

        s_axil_rdata = axil_resp_buffer_rdata[axil_resp_rptr[0:0]];
        if(axil_resp_buffer_err[axil_resp_rptr[0:0]]) begin
            s_axil_bresp = 2'b10;
            s_axil_rresp = 2'b10;
        end else begin
            s_axil_bresp = 2'b00;
            s_axil_rresp = 2'b00;
        end
    end

    logic cpuif_req_masked;

    // Read & write latencies are balanced. Stalls not required
    assign cpuif_req_stall_rd = '0;
    assign cpuif_req_stall_wr = '0;
    assign cpuif_req_masked = cpuif_req
                            & !(!cpuif_req_is_wr & cpuif_req_stall_rd)
                            & !(cpuif_req_is_wr & cpuif_req_stall_wr);

    //--------------------------------------------------------------------------
    // Address Decode
    //--------------------------------------------------------------------------
    logic decoded_reg_strb_identity;
    logic decoded_reg_strb_features;
    logic decoded_reg_strb_subspaces;
    logic decoded_reg_strb_anchors;
    logic decoded_reg_strb_classes;
    logic decoded_reg_strb_widths;
    logic decoded_reg_strb_rule;
    logic decoded_reg_strb_seed;
    logic decoded_reg_strb_versions;
    logic decoded_reg_strb_lanes;
    logic decoded_reg_strb_words;
    logic decoded_reg_strb_data;
    logic decoded_reg_strb_command;
    logic decoded_reg_strb_answer;
    logic decoded_reg_strb_status;
    logic decoded_reg_strb_control;
    logic decoded_reg_strb_result;
    logic decoded_reg_strb_votes;
    logic decoded_reg_strb_margin;
    logic decoded_reg_strb_take;
    logic decoded_err;

    logic decoded_req;
    logic decoded_req_is_wr;
    /* verilator lint_off UNUSEDSIGNAL */
    logic [31:0] decoded_wr_data;
    logic [31:0] decoded_wr_biten;
    /* verilator lint_on UNUSEDSIGNAL */

    always @(*) begin
        /* verilator lint_off UNUSEDSIGNAL */
        integer next_cpuif_addr;
        /* verilator lint_on UNUSEDSIGNAL */
        logic is_valid_addr;
        logic is_valid_rw;
        is_valid_addr = '0;
        is_valid_rw = '0;
        decoded_reg_strb_identity = cpuif_req_masked & (cpuif_addr == 7'h0) & !cpuif_req_is_wr;
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h0);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h0) & !cpuif_req_is_wr;
        decoded_reg_strb_features = cpuif_req_masked & (cpuif_addr == 7'h4) & !cpuif_req_is_wr;
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h4);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h4) & !cpuif_req_is_wr;
        decoded_reg_strb_subspaces = cpuif_req_masked & (cpuif_addr == 7'h8) & !cpuif_req_is_wr;
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h8);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h8) & !cpuif_req_is_wr;
        decoded_reg_strb_anchors = cpuif_req_masked & (cpuif_addr == 7'hc) & !cpuif_req_is_wr;
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'hc);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'hc) & !cpuif_req_is_wr;
        decoded_reg_strb_classes = cpuif_req_masked & (cpuif_addr == 7'h10) & !cpuif_req_is_wr;
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h10);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h10) & !cpuif_req_is_wr;
        decoded_reg_strb_widths = cpuif_req_masked & (cpuif_addr == 7'h14) & !cpuif_req_is_wr;
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h14);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h14) & !cpuif_req_is_wr;
        decoded_reg_strb_rule = cpuif_req_masked & (cpuif_addr == 7'h18) & !cpuif_req_is_wr;
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h18);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h18) & !cpuif_req_is_wr;
        decoded_reg_strb_seed = cpuif_req_masked & (cpuif_addr == 7'h1c) & !cpuif_req_is_wr;
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h1c);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h1c) & !cpuif_req_is_wr;
        decoded_reg_strb_versions = cpuif_req_masked & (cpuif_addr == 7'h20) & !cpuif_req_is_wr;
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h20);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h20) & !cpuif_req_is_wr;
        decoded_reg_strb_lanes = cpuif_req_masked & (cpuif_addr == 7'h24) & !cpuif_req_is_wr;
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h24);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h24) & !cpuif_req_is_wr;
        decoded_reg_strb_words = cpuif_req_masked & (cpuif_addr == 7'h28) & !cpuif_req_is_wr;
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h28);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h28) & !cpuif_req_is_wr;
        decoded_reg_strb_data = cpuif_req_masked & (cpuif_addr == 7'h40);
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h40);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h40);
        decoded_reg_strb_command = cpuif_req_masked & (cpuif_addr == 7'h44);
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h44);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h44);
        decoded_reg_strb_answer = cpuif_req_masked & (cpuif_addr == 7'h48) & !cpuif_req_is_wr;
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h48);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h48) & !cpuif_req_is_wr;
        decoded_reg_strb_status = cpuif_req_masked & (cpuif_addr == 7'h4c);
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h4c);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h4c);
        decoded_reg_strb_control = cpuif_req_masked & (cpuif_addr == 7'h50);
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h50);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h50);
        decoded_reg_strb_result = cpuif_req_masked & (cpuif_addr == 7'h54) & !cpuif_req_is_wr;
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h54);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h54) & !cpuif_req_is_wr;
        decoded_reg_strb_votes = cpuif_req_masked & (cpuif_addr == 7'h58) & !cpuif_req_is_wr;
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h58);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h58) & !cpuif_req_is_wr;
        decoded_reg_strb_margin = cpuif_req_masked & (cpuif_addr == 7'h5c) & !cpuif_req_is_wr;
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h5c);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h5c) & !cpuif_req_is_wr;
        decoded_reg_strb_take = cpuif_req_masked & (cpuif_addr == 7'h60) & cpuif_req_is_wr;
        is_valid_addr |= cpuif_req_masked & (cpuif_addr == 7'h60);
        is_valid_rw |= cpuif_req_masked & (cpuif_addr == 7'h60) & cpuif_req_is_wr;
        decoded_err = (~is_valid_addr | (is_valid_addr & ~is_valid_rw)) & decoded_req;
    end

    // Pass down signals to next stage
    assign decoded_req = cpuif_req_masked;
    assign decoded_req_is_wr = cpuif_req_is_wr;
    assign decoded_wr_data = cpuif_wr_data;
    assign decoded_wr_biten = cpuif_wr_biten;


    //--------------------------------------------------------------------------
    // Field storage declarations
    //--------------------------------------------------------------------------

    // Field: learner_registers.data.value
    logic [31:0] field_storage_data_value_value;
    logic [31:0] field_combo_data_value_next;
    logic field_combo_data_value_load_next;
    // Field: learner_registers.command.op
    logic [2:0] field_storage_command_op_value;
    logic [2:0] field_combo_command_op_next;
    logic field_combo_command_op_load_next;
    // Field: learner_registers.command.label
    logic [23:0] field_storage_command_label_value;
    logic [23:0] field_combo_command_label_next;
    logic field_combo_command_label_load_next;
    // Field: learner_registers.status.answered
    logic field_storage_status_answered_value;
    logic field_combo_status_answered_next;
    logic field_combo_status_answered_load_next;
    // Field: learner_registers.status.refused
    logic field_storage_status_refused_value;
    logic field_combo_status_refused_next;
    logic field_combo_status_refused_load_next;
    // Field: learner_registers.control.capture
    logic field_storage_control_capture_value;
    logic field_combo_control_capture_next;
    logic field_combo_control_capture_load_next;
    // Field: learner_registers.control.answered_interrupt
    logic field_storage_control_answered_interrupt_value;
    logic field_combo_control_answered_interrupt_next;
    logic field_combo_control_answered_interrupt_load_next;
    // Field: learner_registers.control.result_interrupt
    logic field_storage_control_result_interrupt_value;
    logic field_combo_control_result_interrupt_next;
    logic field_combo_control_result_interrupt_load_next;
    // Field: learner_registers.take.next
    logic field_storage_take_next_value;
    logic field_combo_take_next_next;
    logic field_combo_take_next_load_next;
    //--------------------------------------------------------------------------
    // Field logic
    //--------------------------------------------------------------------------
    always @(*) begin
        logic [31:0] next_c;
        logic load_next_c;
        next_c = field_storage_data_value_value;
        load_next_c = '0;
        if(decoded_reg_strb_data && decoded_req_is_wr) begin // SW write
            next_c = (field_storage_data_value_value & ~decoded_wr_biten[31:0]) | (decoded_wr_data[31:0] & decoded_wr_biten[31:0]);
            load_next_c = '1;
        end
        field_combo_data_value_next = next_c;
        field_combo_data_value_load_next = load_next_c;
    end
    always_ff @(posedge clk) begin
        if(rst) begin
            field_storage_data_value_value <= 32'h0;
        end else if(field_combo_data_value_load_next) begin
            field_storage_data_value_value <= field_combo_data_value_next;
        end
    end
    assign hwif_out_data_value = field_storage_data_value_value;
    always @(*) begin
        logic [2:0] next_c;
        logic load_next_c;
        next_c = field_storage_command_op_value;
        load_next_c = '0;
        if(decoded_reg_strb_command && decoded_req_is_wr) begin // SW write
            next_c = (field_storage_command_op_value & ~decoded_wr_biten[2:0]) | (decoded_wr_data[2:0] & decoded_wr_biten[2:0]);
            load_next_c = '1;
        end
        field_combo_command_op_next = next_c;
        field_combo_command_op_load_next = load_next_c;
    end
    always_ff @(posedge clk) begin
        if(rst) begin
            field_storage_command_op_value <= 3'h0;
        end else if(field_combo_command_op_load_next) begin
            field_storage_command_op_value <= field_combo_command_op_next;
        end
    end
    assign hwif_out_command_op = field_storage_command_op_value;
    assign hwif_out_command_op_swmod = decoded_reg_strb_command && decoded_req_is_wr && (|(decoded_wr_biten[2:0]));
    always @(*) begin
        logic [23:0] next_c;
        logic load_next_c;
        next_c = field_storage_command_label_value;
        load_next_c = '0;
        if(decoded_reg_strb_command && decoded_req_is_wr) begin // SW write
            next_c = (field_storage_command_label_value & ~decoded_wr_biten[31:8]) | (decoded_wr_data[31:8] & decoded_wr_biten[31:8]);
            load_next_c = '1;
        end
        field_combo_command_label_next = next_c;
        field_combo_command_label_load_next = load_next_c;
    end
    always_ff @(posedge clk) begin
        if(rst) begin
            field_storage_command_label_value <= 24'h0;
        end else if(field_combo_command_label_load_next) begin
            field_storage_command_label_value <= field_combo_command_label_next;
        end
    end
    assign hwif_out_command_label = field_storage_command_label_value;
    always @(*) begin
        logic next_c;
        logic load_next_c;
        next_c = field_storage_status_answered_value;
        load_next_c = '0;
        if(hwif_in_status_answered_hwset) begin // HW Set
            next_c = '1;
            load_next_c = '1;
        end else if(hwif_in_status_answered_hwclr) begin // HW Clear
            next_c = '0;
            load_next_c = '1;
        end else if(decoded_reg_strb_status && decoded_req_is_wr) begin // SW write 1 clear
            next_c = field_storage_status_answered_value & ~(decoded_wr_data[1:1] & decoded_wr_biten[1:1]);
            load_next_c = '1;
        end
        field_combo_status_answered_next = next_c;
        field_combo_status_answered_load_next = load_next_c;
    end
    always_ff @(posedge clk) begin
        if(rst) begin
            field_storage_status_answered_value <= 1'h0;
        end else if(field_combo_status_answered_load_next) begin
            field_storage_status_answered_value <= field_combo_status_answered_next;
        end
    end
    assign hwif_out_status_answered = field_storage_status_answered_value;
    always @(*) begin
        logic next_c;
        logic load_next_c;
        next_c = field_storage_status_refused_value;
        load_next_c = '0;
        if(hwif_in_status_refused_hwset) begin // HW Set
            next_c = '1;
            load_next_c = '1;
        end else if(decoded_reg_strb_status && decoded_req_is_wr) begin // SW write 1 clear
            next_c = field_storage_status_refused_value & ~(decoded_wr_data[2:2] & decoded_wr_biten[2:2]);
            load_next_c = '1;
        end
        field_combo_status_refused_next = next_c;
        field_combo_status_refused_load_next = load_next_c;
    end
    always_ff @(posedge clk) begin
        if(rst) begin
            field_storage_status_refused_value <= 1'h0;
        end else if(field_combo_status_refused_load_next) begin
            field_storage_status_refused_value <= field_combo_status_refused_next;
        end
    end
    always @(*) begin
        logic next_c;
        logic load_next_c;
        next_c = field_storage_control_capture_value;
        load_next_c = '0;
        if(decoded_reg_strb_control && decoded_req_is_wr) begin // SW write
            next_c = (field_storage_control_capture_value & ~decoded_wr_biten[0:0]) | (decoded_wr_data[0:0] & decoded_wr_biten[0:0]);
            load_next_c = '1;
        end
        field_combo_control_capture_next = next_c;
        field_combo_control_capture_load_next = load_next_c;
    end
    always_ff @(posedge clk) begin
        if(rst) begin
            field_storage_control_capture_value <= 1'h0;
        end else if(field_combo_control_capture_load_next) begin
            field_storage_control_capture_value <= field_combo_control_capture_next;
        end
    end
    assign hwif_out_control_capture = field_storage_control_capture_value;
    always @(*) begin
        logic next_c;
        logic load_next_c;
        next_c = field_storage_control_answered_interrupt_value;
        load_next_c = '0;
        if(decoded_reg_strb_control && decoded_req_is_wr) begin // SW write
            next_c = (field_storage_control_answered_interrupt_value & ~decoded_wr_biten[8:8]) | (decoded_wr_data[8:8] & decoded_wr_biten[8:8]);
            load_next_c = '1;
        end
        field_combo_control_answered_interrupt_next = next_c;
        field_combo_control_answered_interrupt_load_next = load_next_c;
    end
    always_ff @(posedge clk) begin
        if(rst) begin
            field_storage_control_answered_interrupt_value <= 1'h0;
        end else if(field_combo_control_answered_interrupt_load_next) begin
            field_storage_control_answered_interrupt_value <= field_combo_control_answered_interrupt_next;
        end
    end
    assign hwif_out_control_answered_interrupt = field_storage_control_answered_interrupt_value;
    always @(*) begin
        logic next_c;
        logic load_next_c;
        next_c = field_storage_control_result_interrupt_value;
        load_next_c = '0;
        if(decoded_reg_strb_control && decoded_req_is_wr) begin // SW write
            next_c = (field_storage_control_result_interrupt_value & ~decoded_wr_biten[9:9]) | (decoded_wr_data[9:9] & decoded_wr_biten[9:9]);
            load_next_c = '1;
        end
        field_combo_control_result_interrupt_next = next_c;
        field_combo_control_result_interrupt_load_next = load_next_c;
    end
    always_ff @(posedge clk) begin
        if(rst) begin
            field_storage_control_result_interrupt_value <= 1'h0;
        end else if(field_combo_control_result_interrupt_load_next) begin
            field_storage_control_result_interrupt_value <= field_combo_control_result_interrupt_next;
        end
    end
    assign hwif_out_control_result_interrupt = field_storage_control_result_interrupt_value;
    always @(*) begin
        logic next_c;
        logic load_next_c;
        next_c = field_storage_take_next_value;
        load_next_c = '0;
        if(decoded_reg_strb_take && decoded_req_is_wr) begin // SW write
            next_c = (field_storage_take_next_value & ~decoded_wr_biten[0:0]) | (decoded_wr_data[0:0] & decoded_wr_biten[0:0]);
            load_next_c = '1;
        end else begin // singlepulse clears back to 0
            next_c = '0;
            load_next_c = '1;
        end
        field_combo_take_next_next = next_c;
        field_combo_take_next_load_next = load_next_c;
    end
    always_ff @(posedge clk) begin
        if(rst) begin
            field_storage_take_next_value <= 1'h0;
        end else if(field_combo_take_next_load_next) begin
            field_storage_take_next_value <= field_combo_take_next_next;
        end
    end
    assign hwif_out_take_next = field_storage_take_next_value;

    //--------------------------------------------------------------------------
    // Write response
    //--------------------------------------------------------------------------
    assign cpuif_wr_ack = decoded_req & decoded_req_is_wr;
    // Write error: decoded (bad addr/rw) or external mem wr_err from err_support
    assign cpuif_wr_err = decoded_err;

//--------------------------------------------------------------------------
// Readback
//--------------------------------------------------------------------------
    logic readback_external_rd_ack;
    assign readback_external_rd_ack = 0;

    logic readback_external_rd_err;
    assign readback_external_rd_err = '0;

    // Readback mux address
    // When external accesses are present, hold address stable so readback mux can
    // continue selecting the correct external data while waiting for rd_ack.
    logic [6:0] rd_mux_addr;
    assign rd_mux_addr = cpuif_addr;

    logic readback_err;
    logic readback_done;
    logic [31:0] readback_data;
always @(*) begin
        // Icarus limitation: does not support overriding variable lifetime (automatic).
        // A regular block-local temp is sufficient here since logic is purely combinational.
        logic [31:0] readback_data_var;
        readback_data_var = '0;
        if(rd_mux_addr == 7'h0) begin
            readback_data_var[7:0] = 8'h1;
            readback_data_var[31:8] = 24'h4c524e;
        end
        if(rd_mux_addr == 7'h4) begin
            readback_data_var[31:0] = hwif_in_features_value;
        end
        if(rd_mux_addr == 7'h8) begin
            readback_data_var[31:0] = hwif_in_subspaces_value;
        end
        if(rd_mux_addr == 7'hc) begin
            readback_data_var[31:0] = hwif_in_anchors_value;
        end
        if(rd_mux_addr == 7'h10) begin
            readback_data_var[31:0] = hwif_in_classes_value;
        end
        if(rd_mux_addr == 7'h14) begin
            readback_data_var[7:0] = hwif_in_widths_feature_bits;
            readback_data_var[15:8] = hwif_in_widths_fraction_bits;
            readback_data_var[23:16] = hwif_in_widths_count_bits;
        end
        if(rd_mux_addr == 7'h18) begin
            readback_data_var[1:0] = hwif_in_rule_policy;
            readback_data_var[8] = hwif_in_rule_distance;
            readback_data_var[16] = hwif_in_rule_signed_features;
        end
        if(rd_mux_addr == 7'h1c) begin
            readback_data_var[15:0] = hwif_in_seed_value;
        end
        if(rd_mux_addr == 7'h20) begin
            readback_data_var[15:0] = hwif_in_versions_value;
        end
        if(rd_mux_addr == 7'h24) begin
            readback_data_var[31:0] = hwif_in_lanes_value;
        end
        if(rd_mux_addr == 7'h28) begin
            readback_data_var[31:0] = hwif_in_words_value;
        end
        if(rd_mux_addr == 7'h40) begin
            readback_data_var[31:0] = field_storage_data_value_value;
        end
        if(rd_mux_addr == 7'h44) begin
            readback_data_var[2:0] = field_storage_command_op_value;
            readback_data_var[31:8] = field_storage_command_label_value;
        end
        if(rd_mux_addr == 7'h48) begin
            readback_data_var[31:0] = hwif_in_answer_value;
        end
        if(rd_mux_addr == 7'h4c) begin
            readback_data_var[0] = hwif_in_status_busy;
            readback_data_var[1] = field_storage_status_answered_value;
            readback_data_var[2] = field_storage_status_refused_value;
            readback_data_var[3] = hwif_in_status_result;
            readback_data_var[11:8] = hwif_in_status_code;
        end
        if(rd_mux_addr == 7'h50) begin
            readback_data_var[0] = field_storage_control_capture_value;
            readback_data_var[8] = field_storage_control_answered_interrupt_value;
            readback_data_var[9] = field_storage_control_result_interrupt_value;
        end
        if(rd_mux_addr == 7'h54) begin
            readback_data_var[23:0] = hwif_in_result_label;
            readback_data_var[27:24] = hwif_in_result_code;
        end
        if(rd_mux_addr == 7'h58) begin
            readback_data_var[31:0] = hwif_in_votes_value;
        end
        if(rd_mux_addr == 7'h5c) begin
            readback_data_var[31:0] = hwif_in_margin_value;
        end
        readback_data = readback_data_var;
        readback_done = decoded_req & ~decoded_req_is_wr;
        readback_err = decoded_err;
    end

    assign cpuif_rd_ack = readback_done;
    assign cpuif_rd_data = readback_data;
    assign cpuif_rd_err = readback_err | readback_external_rd_err;
endmodule
`default_nettype wire
