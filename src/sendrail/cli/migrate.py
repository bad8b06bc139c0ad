"""`sendrail migrate`: bring the database to this version's schema."""

from sendrail.cli import output
from sendrail.cli.session import Data, Json, installation, run


def migrate(data: Data = None, as_json: Json = False) -> None:
    """Bring the database up to date; every start does so too, this one does nothing else."""
    from sendrail.storage.checkup import schemas

    with output.told(as_json):
        before, wanted = schemas(installation(data).data_dir)
    # To open an installation is to bring it up to date.
    run(data, as_json, lambda it: it.accounts.all())
    if as_json:
        output.document({"before": before, "after": wanted})
    elif before == wanted:
        print(f"schema {wanted}: nothing to do")
    else:
        print(f"schema {before or 'none'} brought to {wanted}")
