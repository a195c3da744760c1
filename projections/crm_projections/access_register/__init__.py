"""Who is there, and what was granted to whom?"""
