"""Faster R-CNN for Vistry."""
