"""stub for makemigrations"""
insights = insights_targets = lambda request, org: None
