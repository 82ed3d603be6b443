"""The local stack: Azurite, the simulated tenant and a Functions host on this machine."""
