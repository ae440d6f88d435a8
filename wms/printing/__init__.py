"""Printing: labels and papers, drawn once, as PDF for any printer and as ZPL for label printers."""
