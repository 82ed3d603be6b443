"""What happens to one photo: check, decide, copy, record."""
