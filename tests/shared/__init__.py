"""The tests of this part. Each docstring states the promise that the test keeps."""
