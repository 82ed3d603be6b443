"""The tests. Each docstring states the promise that the test keeps."""
