"""Kernels: fast implementations of operations, each with a plain reference that it has to agree with."""
