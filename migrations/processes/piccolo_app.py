from app.kernel.piccolo_apps import app_config

APP_CONFIG = app_config("processes")
