"""What the tools made of a design, simulated as the design is: its netlist, and what its bitstream says."""
