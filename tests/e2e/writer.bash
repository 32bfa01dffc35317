# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# A guest that writes and reports each write: tests/e2e/writer.s. Source this
# after pair.bash.

need as
need ld

# make_writer: make its boot sector, $scratch/writer.
make_writer() {
    as --32 -o "$scratch/writer.o" "$here/writer.s" &&
        ld -m elf_i386 -Ttext 0x7c00 --oformat binary \
            -o "$scratch/writer" "$scratch/writer.o" ||
        die "the writer was not made"
}

# writer_disk IMAGE FORMAT: create its disk, 16 MiB.
writer_disk() {
    cp "$scratch/writer" "$1.raw"
    truncate -s 16M "$1.raw"
    qemu-img convert -f raw -O "$2" "$1.raw" "$1"
    rm "$1.raw"
}

# listen source|target: from now on its reports there can be read, even after
# its record is removed.
declare -A ears
listen() {
    local uuid log fd dir=$XK_STATE_DIR
    [ "$1" = source ] || dir=$target
    uuid=$("$scratch/xk-$1" list --json | jq -r '.[] | select(.name == "moved").uuid')
    log=$dir/domains/$uuid/console.log
    [ -e "$log" ] || die "it has no console on the $1"
    exec {fd}<"$log"
    ears[$1]=$fd
}

# From the beginning, wherever other readers are.
told() { cat "/proc/self/fd/${ears[$1]}"; }
has_told() { [ "$(told "$1" | wc -l)" -ge "$2" ]; }

# tells_more source|target: it continues to report there.
tells_more() {
    local begin
    begin=$(told "$1" | wc -l)
    eventually 30 has_told "$1" $((begin + 20)) || die "it writes no more on the $1"
}

# nothing_lost IMAGE FORMAT source [target ...]: destroy the domain and check
# the disk. It ran on these hosts, in this order.
nothing_lost() {
    local image=$1 format=$2 where texts=() said
    shift 2
    for where in "$@"; do
        texts+=("$scratch/told-$where-${#texts[@]}")
        told "$where" >"${texts[-1]}"
    done
    qemu-img convert -f "$format" -O raw "$image" "$scratch/final.raw"
    said=$("$here/check-writer" "$scratch/final.raw" "${texts[@]}") ||
        die "a write was lost: $said"
    echo "$said writes were told of, and all are there"
}
