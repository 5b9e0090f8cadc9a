"""Models in and out: QONNX files, PyTorch modules."""
