#!/usr/bin/env bash
# Makes the encrypted files of tests/sops/recorded and what `sops decrypt` says of them, and from them the broken ones of
# tests/sops/broken. Needs sops 3.11.0 (SOPS names it) and ssh-keygen.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

sops=${SOPS:-${XDG_CACHE_HOME:-$HOME/.cache}/evenkeel/sops/sops}
ours=$(sed -n 's/^# public key: //p' age.key)
other=$(sed -n 's/^# public key: //p' other.key)
rm -rf recorded broken
mkdir recorded broken
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME="$work" XDG_CONFIG_HOME="$work"
SOPS_AGE_KEY=$(cat age.key other.key)
export SOPS_AGE_KEY

# record NAME OPTION…: encrypts standard input.
record() {
  local name=$1
  shift
  # Away from the repository, whose .sops.yaml says who can open its own files.
  (cd "$work" && cat >secrets.yaml && "$sops" "$@" --encrypt secrets.yaml) >"recorded/$name.sops.yaml"
  "$sops" --decrypt "recorded/$name.sops.yaml" >"recorded/$name.plain.yaml"
}

record types --age "$ours" <<'Y'
text: hello
numbers: [0, 1, -7, 9223372036854775807, 0x1f, 0o17, 1_000]
floats: [1.5, -0.25, 1.0, 1e3, 1e21, 1e-9, 123456789.123456789]
switches: [true, false, True, FALSE]
nothing: null
also-nothing:
tilde: ~
empty: {text: "", list: [], map: {}}
dates: [2001-01-01, 2001-12-14t21:59:43.10-05:00, "2001-01-01"]
like-others: ["true", "yes", yes, on, y, n, "null", "~", "1", "1.5", "1e3", 0777, "0777", 1:30, "=", .5, "2001-1-1"]
unicode: "ä → 漢字 😀\u0007\u200b\ufeff"
spaces: "  both ends  "
quotes: 'it''s "so"'
colon: "a: b # c"
binary: !!binary aGVsbG8gd29ybGQ=
tagged: !!str 12
Y

record texts --age "$ours" <<'Y'
literal: |
  first

    indented
  last
kept: |+
  a line

stripped: |-
  no line break at the end
folded: >
  one
  line

  and another
key: |
  -----BEGIN PRIVATE KEY-----
  bm90IGEga2V5
  -----END PRIVATE KEY-----
json: '{"a": [1, "two"], "b": null}'
windows: "a\r\nb\r\n"
tab: "a\tb"
long: "0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789 0123456789"
Y

record nested --age "$ours" <<'Y'
a:
  b:
    c:
      d: [[1, [two, {three: 3}]], {four: {five: 5}}]
list:
- name: one
  value: 1
- name: two
  value: 2
- - - deep
"key: with, [signs] # and more": x
"": the empty key
"ключ": unicode
"true": a word
"1": a number
a.b: a dot
"a:b": {"c:": colons}
Y

comments() {
  cat <<'Y'
# at the head
a: 1 # behind a value
# before b
b:
  # before c
  c: two # behind c
  d:
  # before the items
  - 1 # behind an item
  # before the second
  - 2
  # after the items
  # after d
# before e

# again before e
e: three
e2: [1, 2] # behind a list
f: | # behind a mark
  # no comment
  text
# at the foot
Y
}
comments | record comments --age "$ours"

# Those behind values and lists change their places when SOPS writes them, and then it cannot read its own file.
said() {
  cat <<'Y'
# at the head

a: 1
# secret
b:
  c: two
  d: [3, true]
# known: a comment of the list
e:
- 4
# secret
- 5
# known
f: text
g: {}
# secret
h: ""
i: ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]
Y
}

rules() {
  cat <<'Y'
user: app
password: hunter2
auth:
  token: abc
  port: 8080
  ratio: 0.5
  open: true
  since: 2001-01-01
public_unencrypted:
  password: nothing to hide
  list: [1, 2.5, true, null, text, 2001-01-01]
token_enc: x
list:
- token: a
  name: b
- plain
empty: ""
ENC: "ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]"
Y
}
for only in "" --mac-only-encrypted; do
  suffix=${only:+-mac}
  rules | record "usual$suffix" --age "$ours" $only
  rules | record "encrypted-suffix$suffix" --age "$ours" --encrypted-suffix _enc $only
  rules | record "unencrypted-suffix$suffix" --age "$ours" --unencrypted-suffix ist $only
  rules | record "encrypted-regex$suffix" --age "$ours" --encrypted-regex '^(password|to\w+n)$' $only
  rules | record "unencrypted-regex$suffix" --age "$ours" --unencrypted-regex '(?i)user|PORT|^list' $only
  said | record "encrypted-comment$suffix" --age "$ours" --encrypted-comment-regex '^ secret' $only
  said | record "unencrypted-comment$suffix" --age "$ours" --unencrypted-comment-regex '^ known' $only
done

record aliases --age "$ours" <<'Y'
base: &base {x: 1, y: [1, &two two]}
copy: *base
item: [*two, *base]
merged:
  <<: *base
  y: own
several:
  <<: [*base, {x: 2, z: 3}]
  w: 4
Y

echo 'a: 1' | record recipients --age "$other,$ours"
echo 'a: 1' | record other-first --age "$other"
printf -- '---\na: 1\n' | record start --age "$ours"
printf '{"a": {"b": [1, "x"]}}' | record json --age "$ours"
echo '{}' | record empty --age "$ours"

ssh-keygen -q -t ed25519 -N '' -C '' -f "$work/ssh"
echo 'a: 1' | record ssh --age "$(cat "$work/ssh.pub"),$ours"

cat >"$work/groups.yaml" <<Y
creation_rules:
- shamir_threshold: 2
  key_groups:
  - age: [$ours]
  - age: [$other]
  - age: [$(cut -d' ' -f1,2 "$work/ssh.pub")]
Y
printf 'a: 1\nb: {c: two}\n' | record groups --config "$work/groups.yaml"

# Those of a release: as they are first, the same encrypted anew, and changed.
release() { # PASSWORD PIN KEY
  cat <<Y
database:
  password: '$1'
  pin: $2
tls:
  key: |
    -----BEGIN PRIVATE KEY-----
    $3
    -----END PRIVATE KEY-----
Y
}
for name in first again; do release 'hunter2 & "more"' 471147 bm90IGEga2V5IGF0IGFsbA== | record "release-$name" --age "$ours"; done
release 'hunter3 & "more"' 471148 YW5vdGhlciBrZXk= | record release-second --age "$ours"

# What must fail. broken NAME FROM SED…
broken() {
  local name=$1 from=$2
  shift 2
  sed -E "$@" "recorded/$from.sops.yaml" >"broken/$name.sops.yaml"
  if cmp -s "broken/$name.sops.yaml" "recorded/$from.sops.yaml"; then
    echo "$name is not broken" >&2
    exit 1
  fi
}
cp recorded/texts.plain.yaml broken/not-encrypted.sops.yaml
: >broken/nothing.sops.yaml
printf -- '- 1\n' >broken/a-list.sops.yaml
printf 'a: [\n' >broken/no-yaml.sops.yaml
head -c 300 recorded/types.sops.yaml >broken/cut-in-a-value.sops.yaml
sed '/^sops:/,$d' recorded/texts.sops.yaml >broken/cut-before-the-metadata.sops.yaml
sed '/lastmodified:/,$d' recorded/usual.sops.yaml >broken/cut-before-the-mac.sops.yaml
sed '/END AGE/,$d' recorded/usual.sops.yaml >broken/cut-in-the-key.sops.yaml
{ cat recorded/usual.sops.yaml; printf -- '---\nb: 1\n'; } >broken/two-documents.sops.yaml
broken in-clear usual 's/^password: .*/password: in-clear-and-long/'
broken number-in-clear usual 's/^    port: .*/    port: 8080/'
broken value-removed usual '/^password:/d'
broken value-added usual 's/^password:/added: null\nadded_unencrypted: x\npassword:/'
broken key-renamed usual 's/^password:/passwort:/'
broken key-twice usual 's/^(password: .*)/\1\n\1/'
broken key-is-a-number usual 's/^password:/12:/'
broken value-moved usual -e 's/^password: .*/password: MOVED/' -e "s|MOVED|$(sed -n 's/^token_enc: //p' recorded/usual.sops.yaml)|"
broken order-changed usual -n -e '/^password:/{h;d}' -e 'p' -e '/^token_enc:/{x;p}'
broken clear-value-changed usual 's/nothing to hide/something/'
broken clear-value-changed-only-encrypted usual-mac 's/^user: .*/user: someone/'
broken type-changed usual '/^password:/s/type:str/type:int/'
broken type-unknown usual '/^password:/s/type:str/type:secret/'
broken data-changed usual '/^password:/s/data:.../data:AAA/'
broken tag-short usual '/^password:/s/tag:[^,]*/tag:AAAA/'
broken iv-none usual '/^password:/s/iv:[^,]*/iv:/'
broken no-base64 usual '/^password:/s/data:[^,]*/data:%%/'
broken mac-changed usual '/^    mac:/s/data:.../data:AAA/'
broken mac-missing usual '/^    mac:/d'
broken mac-of-another usual "s|^    mac: .*|$(grep '^    mac:' recorded/texts.sops.yaml)|;s|lastmodified: .*|$(grep -o 'lastmodified:.*' recorded/texts.sops.yaml)|"
broken time-changed usual 's/lastmodified: "20../lastmodified: "1999/'
broken only-encrypted-added usual 's/^    version:/    mac_only_encrypted: true\n    version:/'
broken two-rules usual 's/^    version:/    encrypted_suffix: x\n    version:/'
broken rule-changed encrypted-regex 's/encrypted_regex: .*/encrypted_regex: ^pass/'
broken bad-regex encrypted-regex 's/encrypted_regex: .*/encrypted_regex: "("/'
broken for-somebody-else other-first 's/^a:/b:/'
broken for-pgp usual -e 's/^    age:/    pgp:/' -e 's/- recipient: .*/- created_at: "2026-01-01T00:00:00Z"/' -e 's/^    lastmodified/          fp: FBC7B9E2A4F9289AC0C1D4843D16CEE4A27381B4\n    kms:\n        - arn: arn:aws:kms:eu-west-1:111122223333:key\/x\n          enc: x\n    lastmodified/'
broken for-nobody usual -e '/^    age:/,/END AGE/d'
broken key-damaged usual '/BEGIN AGE/,/END AGE/s/^            ...(.*[A-Za-z].*)$/            AAA\1/'
broken key-of-another usual "/END AGE/s/.*/            &/;s/BEGIN AGE ENCRYPTED/BEGIN PGP/"
broken metadata-no-map usual 's/^sops:$/sops: true\nx:/'
sed '/^sops:/,$d' recorded/usual.sops.yaml | cat - <(sed -n '/^sops:/,$p' recorded/texts.sops.yaml) >broken/metadata-of-another.sops.yaml
# Its own share alone opens.
cp recorded/groups.sops.yaml broken/one-share-of-two.sops.yaml
echo "$(ls recorded | wc -l) recorded, $(ls broken | wc -l) broken"
