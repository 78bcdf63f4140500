"""Templates, a file each: a homework's folder, an exercise's, and what exercises of each shape have besides."""
