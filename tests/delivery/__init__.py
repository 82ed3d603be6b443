"""What is handed over: the package, the infrastructure, the scripts, the workflows."""
