#!/bin/sh
# Made by ops/containers.py: the role, the database and its extensions, at the first start.
set -eu
run() { psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$1" -c "$2"; }
run postgres "CREATE ROLE standpipe LOGIN CREATEDB PASSWORD '$STANDPIPE_DB_PASSWORD';"
run template1 "CREATE EXTENSION IF NOT EXISTS postgis;CREATE EXTENSION IF NOT EXISTS pg_trgm;CREATE EXTENSION IF NOT EXISTS btree_gist;"
run postgres "CREATE DATABASE standpipe OWNER standpipe;"
run standpipe "CREATE EXTENSION IF NOT EXISTS postgis;CREATE EXTENSION IF NOT EXISTS pg_trgm;CREATE EXTENSION IF NOT EXISTS btree_gist;"
