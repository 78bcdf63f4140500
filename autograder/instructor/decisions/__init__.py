"""What people decide about a class after it was graded: facts stay in results/, decisions in decisions.sqlite."""
