"""`GET /api/health`: every dependency used with the app's own identity, each with a verdict and a remedy."""
