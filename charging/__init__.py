"""Pure. One event in, one rated record out."""
