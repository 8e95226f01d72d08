# Dumps a database into a folder, and keeps the newest of the dumps there. Whatever is called *.dump is whole:
# it gets that name only when it was read back. May be stopped at any point, and run again.
#
# Needs: FOLDER, KEPT (how many stay), and libpq's PGHOST, PGUSER, PGDATABASE and PGPASSWORD. FILE is the name of
# the dump; without it, it is called after the time. Works with any sh, and PostgreSQL 13 to 18.
#
# Two run it: the CronJob of this chart, and helm iris before JupyterHub changes the database for good.
set -eu
umask 077
cd "$FOLDER"
FILE=${FILE:-backup-$(date -u +%Y%m%dT%H%M%SZ).dump}

# What a dump that was stopped has left.
rm -f -- *.dump.part

# A database that has just been started may still recover.
tries=0
until pg_isready --quiet; do
  tries=$((tries + 1))
  [ "$tries" -lt 30 ] || break # pg_dump says why
  sleep 2
done

trap 'rm -f -- "$FILE.part"' EXIT
pg_dump --no-password --format=custom --file="$FILE.part"
pg_restore --list "$FILE.part" >/dev/null
sync
mv -- "$FILE.part" "$FILE"

old=$((KEPT + 1))
# The names hold no space: they are ours.
for dump in $(ls -1t -- *.dump | tail -n "+$old"); do
  rm -f -- "$dump"
done
echo "dumped $PGDATABASE into $FILE, $(wc -c <"$FILE") bytes"
