"""`linger config show`: every setting with its value."""

import typer
from rich.text import Text

from workers.cli.output import AsJson, out, print_json
from workers.printing import print_table, table_of
from workers.settings import PREFIX, Settings, read_settings


def add_to(app: typer.Typer) -> None:
    """Register the group and its command."""
    group = typer.Typer(no_args_is_help=True, help="Settings.")
    group.command("show")(show)
    app.add_typer(group, name="config")


def show(context: typer.Context, as_json: AsJson = False) -> None:
    """Show every setting with its value and meaning; secrets are masked, and what is set here is bold."""
    variables = context.obj
    values = read_settings(variables).shown()
    if as_json:
        print_json(values)
        return
    table = table_of("variable", "value", "meaning")
    for name, value in values.items():
        field = Settings.model_fields[name.removeprefix(PREFIX).lower()]
        is_set = name in variables or f"{name}_FILE" in variables
        table.add_row(name, Text(value or "-", style="bold" if is_set else ""), Text(field.description or ""))
    print_table(out, table)
