"""Mask R-CNN for Vistry."""
