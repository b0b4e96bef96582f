"""From files on disk to typed tables and pixels."""
