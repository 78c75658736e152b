"""What builds and deploys the functions."""
