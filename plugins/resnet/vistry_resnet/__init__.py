"""ResNet as a Vistry plugin."""
