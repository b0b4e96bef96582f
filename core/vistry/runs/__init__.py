"""What a run leaves on disk, and finding it again."""
