"""How an image is made: where it starts, what is fetched for it, and the scripts that fill it."""
