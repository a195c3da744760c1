"""Which exports and imports were asked for, by whom, and how did they end?"""
