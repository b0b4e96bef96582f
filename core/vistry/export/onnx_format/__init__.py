"""ONNX: one file with the network, what comes before it and what comes after it."""
