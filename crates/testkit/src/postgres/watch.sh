# Makes a cluster, starts its server, and ends both when the test process is gone, however that
# came about: then the pipe that this script reads is closed. Arguments: the folder, the programs,
# and options of initdb.
set -u
folder=$1 bin=$2
shift 2
# Of a terminal's interrupt, the test process hears too; this must outlive it.
trap '' HUP INT TERM PIPE
owner= server=
# The server refuses to run as root. setpriv becomes what it starts, so that `$!` is the server.
if [ "$(id -u)" = 0 ]; then
    owner='setpriv --reuid=postgres --regid=postgres --init-groups --'
    chown -R postgres: "$folder"
fi
cd "$folder" || exit
$owner "$bin/initdb" -D data "$@" </dev/null >initdb.log 2>&1
echo "initdb ended with $?"
# Each line is a start; the server before has been told to stop.
while read -r _; do
    [ -z "$server" ] || wait "$server"
    $owner "$bin/postgres" -D data --config-file="$folder/postgresql.conf" </dev/null >>server.log 2>&1 &
    server=$!
    echo "started $server"
done
if [ -n "$server" ]; then
    # An immediate stop; the second signal is for one that a test has paused.
    kill -QUIT "$server"
    kill -CONT "$server"
    wait "$server"
fi 2>/dev/null
cd /
rm -rf -- "$folder"
