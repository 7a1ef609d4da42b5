"""Pictures of the arm for people."""
