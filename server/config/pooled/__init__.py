"""GeoDjango's PostGIS backend, with connections that outlive a request."""
