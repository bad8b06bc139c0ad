"""The steps, one a file: `NNNN_what_it_does.py`, never edited once released."""
