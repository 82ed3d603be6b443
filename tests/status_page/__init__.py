"""The page and the data behind it."""
