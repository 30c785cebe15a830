"""What goes wrong around the operator, and what must hold after it."""
