"""The model side: the OpenAI client, replay, tokens and prices."""
