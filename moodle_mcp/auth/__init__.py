"""Several people over HTTP: the OAuth authorization server, its pages, and the grants it gives.

Everything that outlives a request lies in a store, so any replica can answer any request.
"""
