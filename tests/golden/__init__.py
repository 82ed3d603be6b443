"""What each version of the app has left in Storage; the next one finds it there. See README.md."""
