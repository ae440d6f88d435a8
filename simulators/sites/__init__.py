"""The site files of the demo, and the programs that write the larger ones."""
