"""`tercet completion`: complete commands, options and their values in a shell."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands in a shell.

    \b
    bash: add to ~/.bashrc                     eval "$(tercet completion bash)"
    zsh:  add to ~/.zshrc, after compinit      eval "$(tercet completion zsh)"
    fish: tercet completion fish > ~/.config/fish/completions/tercet.fish
    """  # noqa: D301 - click does not wrap after \b
    if complete := get_completion_class(shell):
        click.echo(complete(ctx.find_root().command, {}, "tercet", "_TERCET_COMPLETE").source())
