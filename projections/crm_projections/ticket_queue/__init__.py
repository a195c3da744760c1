"""Which tickets wait for whom, and how long do they take? Now, and at any past moment."""
