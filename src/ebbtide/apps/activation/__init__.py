"""Switching deletion on: the customer asks with evidence, the operator arms or declines."""
