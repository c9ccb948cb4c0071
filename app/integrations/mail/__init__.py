"""Mail: `port.py` says what can come of sending one, `smtp.py` hands it to the SMTP relay."""
