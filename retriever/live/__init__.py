"""Live Wikipedia, and any MediaWiki: articles are found by its API, read, cached and searched like an index."""
