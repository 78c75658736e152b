"""What people would use instead, each as its documentation shows it; and what cannot be beaten."""
