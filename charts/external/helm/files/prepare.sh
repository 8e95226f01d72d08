#!/bin/sh
# Looks whether the hub's role can log in to its database and may make tables there; with an admin's password it
# makes both before. May be stopped at any point and run again, and changes nothing that is as it should be.
#
# Needs: PGHOST, PGPORT, DATABASE_NAME, DATABASE_USER, PASSWORD_FILE; and ADMIN_USER and ADMIN_PASSWORD_FILE where
# there is an admin. PGSSLMODE and PGSSLROOTCERT as libpq takes them. Works with PostgreSQL 13 to 18.
set -eu

# Passwords are in files and in the environment of psql alone, never in an argument, and psql prints none.
as_admin() {
  PGPASSWORD=$(cat "$ADMIN_PASSWORD_FILE") PGUSER=$ADMIN_USER PGDATABASE=postgres \
    psql --no-psqlrc --quiet --no-password --set=ON_ERROR_STOP=1 \
    --set=role="$DATABASE_USER" --set=name="$DATABASE_NAME"
}
as_role() {
  PGPASSWORD=$(cat "$PASSWORD_FILE") PGUSER=$DATABASE_USER PGDATABASE=$DATABASE_NAME \
    psql --no-psqlrc --quiet --no-password --tuples-only --no-align --set=ON_ERROR_STOP=1
}
# quote, text: the text as SQL has it, a name between " and a string between '.
quoted() {
  printf %s "$1$(printf %s "$2" | sed "s/$1/$1$1/g")$1"
}
# what, SQL: what is wrong, and what a superuser would do about it.
fail() {
  echo "prepare: $1"
  echo "prepare: as a superuser of that server, run this in psql (\\password asks for the password, which"
  echo "prepare: helm iris secrets show database-password --reveal tells); then the same command again:"
  printf '%s\n' "$2"
  exit 1
}
role=$(quoted '"' "$DATABASE_USER")
name=$(quoted '"' "$DATABASE_NAME")
# The SQL that makes what is missing, and may be run again; "role" where the role is made, with its password.
missing() {
  role_text=$(quoted "'" "$DATABASE_USER")
  name_text=$(quoted "'" "$DATABASE_NAME")
  [ "$1" = role ] || cat <<SQL
SELECT format('CREATE ROLE %I', $role_text)
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = $role_text) \\gexec
ALTER ROLE $role LOGIN;
\\password $role
SQL
  cat <<SQL
SELECT format('CREATE DATABASE %I OWNER %I', $name_text, $role_text)
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = $name_text) \\gexec
SQL
}

[ -s "$PASSWORD_FILE" ] || { echo "prepare: the password is empty"; exit 1; }
tries=0
until pg_isready --quiet --timeout=5; do
  why=$(echo "SELECT 1" | as_role 2>&1) && break
  # A server may be starting, or a network; a certificate is not another one in a moment.
  case $why in
    *certificate* | *SSL*) tries=10 ;;
    *) tries=$((tries + 1)) ;;
  esac
  [ "$tries" -lt 10 ] || { echo "prepare: no connection to a PostgreSQL at $PGHOST, port $PGPORT: $why"; exit 1; }
  sleep 2
done

made=
lacks=
if [ -n "${ADMIN_USER:-}" ]; then
  # What is somebody else's is not taken over: its password and its owner are theirs.
  others=$(as_admin <<'SQL'
\t on
\a
SELECT format('the role %I is one of the server itself, or may do everything', rolname) FROM pg_roles
  WHERE rolname = :'role' AND (rolsuper OR rolreplication OR rolbypassrls OR rolname = current_user);
SELECT format('the database %I belongs to %I', datname, pg_get_userbyid(datdba)) FROM pg_database
  WHERE datname = :'name'
  AND (datistemplate OR datname = 'postgres' OR pg_get_userbyid(datdba) NOT IN (:'role', current_user));
SQL
  ) || fail "$ADMIN_USER could not look at role and database, see the error above: set its right password by \
helm iris secrets set database-admin-password; or take database.adminUser out, and make both yourself" "$(missing all)"
  if [ -n "$others" ]; then
    echo "prepare: $others"
    echo "prepare: nothing was changed; choose another database.user or database.name, or take database.adminUser out"
    exit 1
  fi
  # psql quotes all three. A superuser keeps the password out of the server's log; nobody else may say that.
  # What it may not make may be there: that is seen below.
  made=$(as_admin <<'SQL'
\set password `cat "$PASSWORD_FILE"`
SELECT rolsuper AS super FROM pg_roles WHERE rolname = current_user \gset
\if :super
  SET log_statement = 'none';
  SET log_min_error_statement = 'panic';
\endif
SET client_min_messages = 'warning';
SET password_encryption = 'scram-sha-256';
SELECT format('CREATE ROLE %I', :'role')
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \gexec
ALTER ROLE :"role" LOGIN PASSWORD :'password';
\echo role
-- Who is no superuser gives a database only to a role that it belongs to.
\if :super
\else
  SELECT format('GRANT %I TO CURRENT_USER', :'role') WHERE current_user <> :'role' \gexec
\endif
SELECT format('CREATE DATABASE %I OWNER %I', :'name', :'role')
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'name') \gexec
SELECT format('ALTER DATABASE %I OWNER TO %I', :'name', :'role')
  FROM pg_database WHERE datname = :'name' AND pg_get_userbyid(datdba) <> :'role' \gexec
SQL
  ) || lacks="$ADMIN_USER could not make all that is needed, see the error above; "
fi

may=$(echo "SELECT coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)" | as_role 2>&1) ||
  fail "$lacks$DATABASE_USER cannot log in to $DATABASE_NAME at $PGHOST: $may" "$(missing "$made")"
# The server may have warned before it answered.
[ "$(printf '%s\n' "$may" | tail -n 1)" = t ] ||
  fail "$lacks$DATABASE_USER may make no tables in $DATABASE_NAME: it has to own its database" "ALTER DATABASE $name OWNER TO $role;"
echo "prepare: $DATABASE_USER can use $DATABASE_NAME at $PGHOST"
