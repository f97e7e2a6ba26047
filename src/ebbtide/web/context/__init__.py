"""What each page is given: plain frozen shapes between the views and the templates.

Why shapes and not model instances: a template that holds a model can start queries, reach a neighbour's rows and break
unseen when a field is renamed. A shape is complete before rendering starts, is type-checked where a view fills it, and
lets every page be rendered and looked at with made-up data.

Every page also gets `request`, `user` and `messages` (Django), and from its view a `Frame` as `frame`.
URL names the templates use, all but the first four with the org's id: `start`, `login`, `logout`, `home`, `jobs`,
`job_new`, `job_new_preview` (POST), `job` (job), `job_edit` (job), `job_preview` (job, POST), `job_pause` (job, POST),
`job_resume` (job), `job_delete` (job), `job_restore` (job), `runs`, `run` (run), `run_csv` (run), `plan_confirm`
(plan, POST). They take numbers; the addresses themselves carry public ids.
"""
