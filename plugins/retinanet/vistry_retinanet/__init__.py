"""RetinaNet as a Vistry plugin."""
