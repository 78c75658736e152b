"""What Lambda imports: each function built once, while its container starts."""
