"""The engine as a process of its own: one model behind OpenAI's wire on a unix socket."""
