# Completion of nncomp, nnccat, nncgrep and nncless for bash.

_nncomp() {
    local kind value help word glue="" words=() plain=() files=()
    # Readline splits at = and :, nncomp does not.
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        if [[ ${#words[@]} -gt 0 && ( -n $glue || $word == [=:]* ) ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
        [[ $word == *[=:] ]] && glue=yes || glue=""
    done
    COMPREPLY=()
    while IFS=$'\t' read -r kind value help; do
        case $kind in
            plain) plain+=("$value") ;;
            file) while IFS= read -r word; do files+=("$word"); done < <(
                if [[ $value == - ]]; then
                    compgen -f -- "$2"
                else
                    compgen -f -X "!*$value" -- "$2"
                    compgen -d -- "$2"
                fi) ;;
            dir) while IFS= read -r word; do files+=("$word"); done < <(compgen -d -- "$2") ;;
        esac
    done < <(_NNCOMP_COMPLETE=words "${1/#\~/$HOME}" "${words[@]}" 2> /dev/null)
    [[ ${#files[@]} -gt 0 ]] && compopt -o filenames 2> /dev/null
    COMPREPLY=("${plain[@]}" "${files[@]}")
}

complete -F _nncomp nncomp
complete -f -X '!*.nnc' -o plusdirs nnccat nncgrep nncless
