"""What the administrator sees."""
