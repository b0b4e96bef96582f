"""MobileNetV2 as a Vistry plugin."""
