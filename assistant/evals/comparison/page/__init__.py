"""The comparison as one self-contained page; every text in it is escaped."""
