"""Kubernetes clients and objects."""
