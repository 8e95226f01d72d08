#!/bin/sh
# Makes the database cluster, the hub's role and its database, before the server starts. Runs at
# every start of the pod, may be stopped at any point, and changes nothing that is as it should be.
#
# Needs: PGDATA, PGHOST (a folder for the socket), DATABASE_NAME, DATABASE_USER, PASSWORD_FILE,
# CONFIG (a folder with pg_hba.conf). Works with PostgreSQL 13 to 18.
set -eu

fail() {
  echo "prepare: $*" >&2
  exit 1
}

[ -s "$PASSWORD_FILE" ] || fail "the password is empty"

if [ -s "$PGDATA/PG_VERSION" ]; then
  server=$(postgres --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
  volume=$(cat "$PGDATA/PG_VERSION")
  [ "$server" = "$volume" ] ||
    fail "the volume holds data of PostgreSQL $volume, the image is PostgreSQL $server: go back to an image of $volume, or dump and restore"
  # Kubernetes may have opened the folder to the group of the volume; PostgreSQL refuses that.
  chmod 0700 "$PGDATA"
else
  # Made elsewhere and renamed, so that a first start that was stopped leaves no half of it.
  rm -rf "$PGDATA.new"
  for other in "$(dirname "$PGDATA")"/*/PG_VERSION; do
    [ ! -e "$other" ] || fail "the volume already holds another database, in $(dirname "$other"): not touched"
  done
  # Sorting by bytes: a new operating system in the image cannot break the indexes.
  initdb --pgdata="$PGDATA.new" --username=postgres --auth-local=trust --auth-host=reject \
    --encoding=UTF8 --no-locale --data-checksums
  mv "$PGDATA.new" "$PGDATA"
fi

stop() {
  pg_ctl --pgdata="$PGDATA" --wait --mode=fast stop
}
# Not reachable over the network yet. The long timeout is for recovery after a crash.
pg_ctl --pgdata="$PGDATA" --wait --timeout=3600 \
  --options="-c listen_addresses= -c unix_socket_directories=$PGHOST -c hba_file=$CONFIG/pg_hba.conf" start
trap stop EXIT

# psql itself reads the password and quotes all three, so that the password is in no argument list;
# the server is told to keep it out of its log.
psql --no-psqlrc --quiet --no-password --username=postgres --dbname=postgres --set=ON_ERROR_STOP=1 \
  --set=role="$DATABASE_USER" --set=name="$DATABASE_NAME" <<'SQL'
\set password `cat "$PASSWORD_FILE"`
SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET password_encryption = 'scram-sha-256';
SELECT format('CREATE ROLE %I', :'role')
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" LOGIN PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'role')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
ALTER DATABASE :"name" OWNER TO :"role";
SQL
echo "prepare: database $DATABASE_NAME, owned by $DATABASE_USER, is ready"
