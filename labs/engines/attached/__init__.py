"""The engine `attached`: a cluster and a Docker Engine of the user's own."""
