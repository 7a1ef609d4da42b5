"""Pictures of environments for people: taken at an even pace, recorded, shown in a terminal."""
