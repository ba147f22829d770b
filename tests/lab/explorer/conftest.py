"""One browser for all tests that look at the page."""
