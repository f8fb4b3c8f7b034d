# Field numbers of protobuf messages, from the generated.proto files of k8s.io/api and k8s.io/apimachinery:
# "m NAME" begins a message, "NUMBER NAME TYPE" is a field, TYPE "[]T" repeats and "{}T" is a map from strings.
/^package / { package = substr($2, 1, length($2) - 1) }
/^message / { print "m " package "." $2 }
/^  (optional|repeated|map<)/ {
    line = $0; sub(/;.*/, "", line); sub(/^ +/, "", line); prefix = ""
    if (sub(/^repeated /, "", line)) prefix = "[]"
    if (sub(/^map<string, /, "", line)) { prefix = "{}"; sub(/>/, "", line) }
    sub(/^optional /, "", line)
    n = split(line, part, " ")
    type = part[1]
    if (type ~ /^\./) type = substr(type, 2)
    else if (type !~ /^(string|bytes|bool|int32|int64|uint32|uint64|double|float)$/) type = package "." type
    print part[4] " " part[2] " " prefix type
}
