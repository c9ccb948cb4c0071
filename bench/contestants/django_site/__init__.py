"""The same dashboard in Django, with the same protections: sessions in PostgreSQL, permissions, CSRF,
row security set for each request's transaction. Served by gunicorn, one process with threads.
"""
