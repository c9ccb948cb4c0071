"""Django's settings; the database is named by the environment."""

import os
from pathlib import Path
from urllib.parse import urlsplit

_URL = urlsplit(os.environ["BENCH_DATABASE_URL"])

SECRET_KEY = "bench-only-" + "0" * 40
DEBUG = False
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": _URL.hostname,
        "PORT": _URL.port,
        "NAME": _URL.path.lstrip("/"),
        "USER": _URL.username,
        "PASSWORD": _URL.password,
        "CONN_MAX_AGE": None,
        # What the view reads, and the row security before it, is one transaction.
        "ATOMIC_REQUESTS": True,
    }
}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "bench.contestants.django_site",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "bench.contestants.django_site.views.TenantMiddleware",
]
ROOT_URLCONF = "bench.contestants.django_site.views"
SESSION_ENGINE = "django.contrib.sessions.backends.db"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.template.context_processors.csrf",
            ]
        },
    }
]
