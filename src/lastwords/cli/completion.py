"""`lastwords completion`: the code that teaches a shell to complete our commands."""

import click
from click.shell_completion import get_completion_class


@click.command(
    epilog='Examples:\n\n\b\n  eval "$(lastwords completion bash)"          in ~/.bashrc\n'
    "  lastwords completion fish > ~/.config/fish/completions/lastwords.fish\n"
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion code for a shell."""
    made_for = get_completion_class(shell)
    if made_for is None:
        raise click.ClickException(f"no completion for {shell}")
    root = context.find_root()
    click.echo(made_for(root.command, {}, "lastwords", "_LASTWORDS_COMPLETE").source())
