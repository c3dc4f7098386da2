# Completion of nncomp, nnccat, nncgrep and nncless for fish.

# Paths that match a pattern, as fish completes them for a command that it does not know.
function __nncomp_paths --argument-names pattern token
    complete --do-complete "__nncomp_no_command $token" | string match --regex -- "^.*(?:$pattern)\$"
end

function __nncomp_words
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    set -l token (commandline --current-token --cut-at-cursor)
    # A value behind = is completed by the whole word.
    set -l front ''
    set -l rest "$token"
    if string match --quiet --regex -- '^--[^=]*=' "$token"
        set front (string match --regex -- '^--[^=]*=' $token)
        set rest (string replace -- $front '' $token)
    end
    for line in (_NNCOMP_COMPLETE=words $words[1] $words[2..] "$token" 2> /dev/null)
        set -l part (string split \t -- $line)
        switch $part[1]
            case plain
                string join \t -- "$front$part[2]" $part[3]
            case file
                set -l pattern ''
                test $part[2] != -; and set pattern (string escape --style=regex -- $part[2])'|/'
                string join \n -- $front(__nncomp_paths $pattern $rest)
            case dir
                string join \n -- $front(__nncomp_paths / $rest)
        end
    end
end

complete --command nncomp --no-files --arguments '(__nncomp_words)'
for name in nnccat nncgrep nncless
    complete --command $name --no-files --arguments \
        "(__nncomp_paths '\.nnc|/' (commandline --current-token --cut-at-cursor))"
end
