"""Jobs on top of the loop: scripted conversations, improve-file tasks, acceptance checks."""
