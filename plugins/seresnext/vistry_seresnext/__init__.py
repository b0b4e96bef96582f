"""SE-ResNeXt as a Vistry plugin."""
