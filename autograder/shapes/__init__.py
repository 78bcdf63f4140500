"""What exercises of one shape share."""
