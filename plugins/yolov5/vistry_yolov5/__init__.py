"""YOLOv5 as a Vistry plugin."""
