"""Where Piccolo finds the engine and the tables of every noun."""

from piccolo.conf.apps import AppRegistry

from app.kernel.database import DB
from app.kernel.migrate import NOUNS

APP_REGISTRY = AppRegistry(apps=[f"migrations.{noun}.piccolo_app" for noun in NOUNS])

__all__ = ["APP_REGISTRY", "DB"]
