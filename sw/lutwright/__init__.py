"""lutwright: from a quantised PyTorch network to an FPGA bitstream that is proved to compute the same integers."""

__version__ = "0.1.0"
