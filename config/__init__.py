"""Pure. What is agreed before a process starts: settings and the catalogue."""
