"""Masters: sites, places, goods, stock and rules in files, in and out."""
