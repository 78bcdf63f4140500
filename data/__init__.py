"""Characters to learn from: Omniglot or drawn handwriting, their split, and their pixels."""
