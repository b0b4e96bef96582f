"""D-FINE, DEIMv2 and RF-DETR: detection transformers on the implementations of the library transformers."""
