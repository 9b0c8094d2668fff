"""The app: pages that draw, HTTP routes that the review deck talks to, and the server object."""
