"""ResNeSt as a Vistry plugin."""
