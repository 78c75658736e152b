"""`backup`: a copy of the record, taken while it is in use."""

from pathlib import Path

import click

from handler.cli.record import opened


@click.command(short_help="Copy the whole record while it is in use.")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Copy the whole record, as of one moment, to a FILE that is not there yet, while the handler serves.

    To restore it: stop the handler, remove the database's -wal and -shm files, put the copy in its place.

    Example: python -m handler backup cases-2026-11-22.sqlite3
    """
    if not file.name or not file.parent.is_dir():
        msg = f"there is no folder {file.parent}" if file.name else "it is empty: give the copy a name"
        raise click.BadParameter(msg, param_hint="FILE")
    with opened(read_only=True) as record:
        record.backup(file)
    click.echo(f"Copied to {file} ({file.stat().st_size:,} bytes).")
