"""Every command, by group."""

import typer

from ebbtide.cli.commands import billing, data, demo, jobs, orgs, plans, reports, runs, serve, store, system
from ebbtide.cli.session import configure_log

app = typer.Typer(
    name="ebbtide",
    help="Data-retention management for contact centres: simulate, arm, purge for good, prove it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(orgs.app, name="org")
app.add_typer(orgs.queues, name="queue")
app.add_typer(orgs.users, name="user")
app.add_typer(data.app, name="import")
app.add_typer(jobs.app, name="job")
app.add_typer(plans.app, name="plan")
app.add_typer(runs.app, name="run")
app.add_typer(store.app, name="store")
app.add_typer(billing.ratecards, name="ratecard")
data.register(app)
billing.register(app)
reports.register(app)
system.register(app)
serve.register(app)
demo.register(app)
configure_log()
