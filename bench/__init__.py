"""Pure. Figures, and the demo."""
