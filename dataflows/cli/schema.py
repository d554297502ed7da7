"""`anlan schema`: the contracts of the feeds, for whoever writes a reader or a sender."""

from __future__ import annotations

from pathlib import Path

import click

from connectors.contracts.documents import documents, text_of, write


@click.command()
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Write all of them into this folder.")
def schema(name: str | None, out: Path | None) -> None:
    """Print the contract NAME, or list them all; with --out write them as files.

    The records are JSON Schemas (2020-12); `asyncapi` is an AsyncAPI 3.0 document of the Kafka topics and Redis
    streams that refers to them. All are made from the code that runs.

    \b
    anlan schema                       the names
    anlan schema alert-1               what a revision of an alert looks like
    anlan schema --out contracts/      all of them, beside each other, as the AsyncAPI document wants them
    """
    if name and out:
        raise click.UsageError("one of NAME and --out must be given; got both")
    if out:
        for path in write(out):
            click.echo(path)
        return
    known = {file.removesuffix(".json"): document for file, document in documents().items()}
    if name is None:
        for each, document in known.items():
            click.echo(f"{each:<16} {_about(document)}")
    elif name.removesuffix(".json") in known:
        click.echo(text_of(known[name.removesuffix(".json")]), nl=False)
    else:
        raise click.UsageError(f"NAME must be one of {', '.join(known)}; got `{name}`")


def _about(document: dict[str, dict[str, dict[str, str]]]) -> str:
    """The first line of what a document says about itself."""
    if "info" in document:
        return str(document["info"]["title"])
    root = str(document["$ref"]).rsplit("/", 1)[-1]
    return document["$defs"][root]["description"].splitlines()[0]
