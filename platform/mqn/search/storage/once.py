"""What happens once in the life of a study, whichever of its drivers comes to it, and however often it is resumed."""

from __future__ import annotations

import sqlalchemy.exc
from optuna.storages._rdb import models
from sqlalchemy import insert
from sqlalchemy.engine import Engine

_ONCE = "mqn:once/"


def first_time(engine: Engine, study: int, what: str) -> bool:
    """Remember that something happens; of several drivers that ask at the same moment, one is the first.

    Args:
        engine: of the study's database.
        study: Optuna's id of it.
        what: names it, at most 400 characters.

    Returns:
        Whether it had not happened before.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database does not answer.
    """
    row = insert(models.StudySystemAttributeModel).values(study_id=study, key=f"{_ONCE}{what}", value_json="true")
    try:
        with engine.begin() as connection:
            connection.execute(row)
    except sqlalchemy.exc.IntegrityError:
        return False
    return True
