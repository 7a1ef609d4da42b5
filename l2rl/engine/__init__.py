"""What an update is made of: phases, their losses, and the one gradient step they all share."""
