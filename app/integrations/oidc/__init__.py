"""OpenID Connect providers: who somebody is, by the word of their organisation."""
