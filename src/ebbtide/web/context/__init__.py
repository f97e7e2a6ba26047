"""What each page is given: plain frozen shapes between the views and the templates.

Why shapes and not model instances: a template that holds a model can start queries, reach a neighbour's rows and break
unseen when a field is renamed. A shape is complete before rendering starts, is type-checked where a view fills it, and
lets every page be rendered and looked at with made-up data.

Every page also gets `request`, `user` and `messages` (Django), and from its view a `Frame` as `frame`.
The addresses that templates name take numbers; what people see of them are public ids.
"""
