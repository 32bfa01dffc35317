# SPDX-License-Identifier: GPL-2.0-or-later
# bash completion for xk. xk itself answers what can be typed, from its own
# tables, so this file need not change with them.

# Set the caller's `words` to the words of the line, and `index` to the one under
# the cursor. Words that bash splits at "=", ":" and the like are joined again.
_xk_words() {
    local i word joined=
    words=()
    index=0
    for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
        word=${COMP_WORDS[i]}
        if [[ -n $joined || ($i -gt 0 && $word == [=:]*) ]] &&
            ((${#words[@]} > 1)); then
            words[-1]+=$word
        else
            words+=("$word")
        fi
        joined=
        [[ $word == [=:]* ]] && joined=yes
        ((i <= COMP_CWORD)) && index=$((${#words[@]} - 1))
    done
}

# Print the part of the word that bash has split off: bash replaces only what
# follows the last separator.
_xk_split_off() {
    local word=$1
    if [[ $word == *[=:]* && $COMP_WORDBREAKS == *[=:]* ]]; then
        printf '%s' "${word%"${word##*[=:]}"}"
    fi
}

_xk() {
    local words index line current front program
    _xk_words
    current=${words[index]-}
    program=${words[0]/#\~/$HOME}
    front=$(_xk_split_off "$current")
    COMPREPLY=()
    while IFS= read -r line; do
        case $line in
        =*)
            line=${line#=}
            line=${line#"$front"}
            printf -v line '%q' "$line"
            COMPREPLY+=("$line")
            ;;
        files)
            compopt -o filenames 2>/dev/null
            while IFS= read -r line; do
                COMPREPLY+=("$line")
            done < <(compgen -f -- "${current#"$front"}")
            ;;
        nospace)
            compopt -o nospace 2>/dev/null
            ;;
        esac
    done < <("$program" complete -- "$index" "${words[@]}" 2>/dev/null)
}

complete -F _xk xk
