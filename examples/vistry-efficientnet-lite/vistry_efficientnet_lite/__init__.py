"""EfficientNet-Lite as a Vistry plugin."""
