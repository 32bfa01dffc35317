# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# A guest that writes and tells of it: tests/e2e/writer.s. Source this after
# pair.bash.

need as
need ld

# make_writer: $scratch/writer is its boot sector.
make_writer() {
    as --32 -o "$scratch/writer.o" "$here/writer.s" &&
        ld -m elf_i386 -Ttext 0x7c00 --oformat binary \
            -o "$scratch/writer" "$scratch/writer.o" ||
        die "the writer was not made"
}

# writer_disk IMAGE FORMAT: its disk, 16 MiB.
writer_disk() {
    cp "$scratch/writer" "$1.raw"
    truncate -s 16M "$1.raw"
    qemu-img convert -f raw -O "$2" "$1.raw" "$1"
    rm "$1.raw"
}

# listen source|target: what it tells there can be read from now on, also when
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

# From its begin, wherever others have read to.
told() { cat "/proc/self/fd/${ears[$1]}"; }
has_told() { [ "$(told "$1" | wc -l)" -ge "$2" ]; }

# tells_more source|target: it goes on there.
tells_more() {
    local begin
    begin=$(told "$1" | wc -l)
    eventually 30 has_told "$1" $((begin + 20)) || die "it writes no more on the $1"
}

# nothing_lost IMAGE FORMAT source [target ...]: the domain is destroyed; it ran
# there, in that order.
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
