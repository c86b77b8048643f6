"""One example for somebody else: the spec, its files, the request, the reply, without a secret."""
