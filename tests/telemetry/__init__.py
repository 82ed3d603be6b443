"""What can be known of the running app: its log, its spans and metrics, its measures by the hour."""
