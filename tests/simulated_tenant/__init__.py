"""The simulated tenant keeps its promises too: a fake that nobody tests proves nothing."""
