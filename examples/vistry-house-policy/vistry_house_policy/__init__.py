"""A house's rules for every training."""
