# Turns systemd units into programs of supervisord, so that both start the same commands:
# awk -v secrets=FOLDER -v logs=FOLDER -f supervise.awk *.service
function flush_program() {
    if (command == "") return
    printf "[program:%s]\ncommand=%s\npriority=%d\n", name, command, priority
    if (environment != "") printf "environment=%s\n", environment
    printf "startsecs=5\nstopwaitsecs=%d\nautorestart=true\nstartretries=1000000\nredirect_stderr=true\n", stop
    printf "stdout_logfile=%s/%s.log\n\n", logs, name
}
FNR == 1 {
    flush_program()
    name = FILENAME
    sub(/.*\/anlan-/, "", name)
    sub(/\.service$/, "", name)
    command = environment = ""
    priority = 10
    stop = 90 # as systemd, where a unit says nothing
}
{ gsub(/%d/, secrets) }
/^After=/ { priority = 20 }
/^TimeoutStopSec=/ { stop = substr($0, 16) }
/^ExecStart=/ { command = substr($0, 11) }
/^Environment=/ {
    pair = substr($0, 13)
    place = index(pair, "=")
    environment = environment (environment == "" ? "" : ",") \
        substr(pair, 1, place) "\"" substr(pair, place + 1) "\""
}
END { flush_program() }
