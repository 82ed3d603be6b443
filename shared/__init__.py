"""What the trigger, the worker and the page share."""
