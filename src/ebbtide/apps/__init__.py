"""Django apps, in one order of dependence."""
