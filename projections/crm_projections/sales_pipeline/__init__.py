"""Which deals are where, and how do they end? Now, and at any past moment, on both clocks."""
