"""The opportunity: one possible sale, from the first talk to won or lost."""
