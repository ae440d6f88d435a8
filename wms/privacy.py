"""Privacy: a person's data is exported, erased and forgotten in time; the stock history stays."""
