"""Review in the browser: a page on the loopback interface that does what the terminal does."""
