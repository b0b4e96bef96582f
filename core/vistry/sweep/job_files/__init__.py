"""The hosted product's files of jobs: read as requests, or refused with every reason, each with its line."""
