#!/bin/sh
# Copy squid and what it needs into the folder $1, in which there is nothing else.
set -eu
out=$1

keep() {
    mkdir -p "$out$(dirname "$1")"
    cp -L "$1" "$out$1"
}

squid=/usr/sbin/squid
loader=$(ls /lib64/ld-linux-*.so.* /lib/ld-linux-*.so.* 2>/dev/null | head -n 1)
keep "$squid"
keep "$loader"
# "name => path (address)"; the program ends with an error where a library is missing.
"$loader" --list "$squid" > libraries
for library in $(sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' libraries); do
    keep "$library"
done

# Opened at the start, used or not: without any of the first three squid ends.
keep /usr/lib/squid/unlinkd
keep /usr/share/squid/mime.conf
mkdir -p "$out/usr/share/squid/icons/silk"
for icon in $(sed -n 's/^[^#]*[[:space:]]\([a-zA-Z0-9_\/-]*\.png\)[[:space:]].*/\1/p' \
        /usr/share/squid/mime.conf | sort -u) SN.png; do
    if [ -f "/usr/share/squid/icons/$icon" ]; then keep "/usr/share/squid/icons/$icon"; fi
done

# The pages of errors, in one language: squid's own and ours.
pages=$out/usr/share/squid/errors/templates
mkdir -p "$pages"
for folder in /usr/share/squid/errors/templates /usr/share/squid-langpack/templates; do
    if [ -d "$folder" ]; then cp -L "$folder"/* "$pages"; fi
done
cp pages/* "$pages"

mkdir -p "$out/etc/mcpworkload-egress" "$out/tmp" "$out/dev/shm"
chmod 1777 "$out/tmp"
printf 'root:x:0:0::/:/bin/false\nproxy:x:13:13::/:/bin/false\nnonroot:x:65532:65532::/:/bin/false\n' \
    > "$out/etc/passwd"
printf 'root:x:0:\nproxy:x:13:\nnonroot:x:65532:\n' > "$out/etc/group"
printf 'passwd: files\ngroup: files\nhosts: files dns\n' > "$out/etc/nsswitch.conf"

# The licences of all of it.
for file in /usr/share/doc/*/copyright; do
    keep "$file"
done
for file in /usr/share/common-licenses/*; do
    keep "$file"
done
