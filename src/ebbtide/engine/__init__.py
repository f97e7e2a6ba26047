"""The use cases of a night, over ports: plan, guard, sweep, verify."""
