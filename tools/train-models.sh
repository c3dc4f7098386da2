#!/usr/bin/env bash
# Trains what models/ ships: tools/train-models.sh NNCOMP CORPUS_DIR OUTPUT_DIR [nano|small|base|large …]
#
# CORPUS_DIR holds DOMAIN/SOURCE.dat files, at any depth, as `make corpus` writes them. May be stopped
# at any time: the same command goes on. On one CPU core nano takes two hours and small three
# or four, base more; large, which does not ship, is for a GPU. NUMBER=2 gives the models that number;
# MEGABYTES=300 a longer run.
set -euo pipefail
nncomp=$1 corpus=$2 output=$3
shift 3

# Shares of the batches. English prose leads, because most of what people keep is read by people.
shares=(
  en_books=20 en_ency=15 en_docs=10 code=17 html=3 xml=2 json=3 yaml=0.7 csv=2 sql=1 logs=2.5
  multi=5 bin=0.6 wiki=2
  wiki/enwiktionary-wiktextract-xml=3 wiki/smallwiki-dumpsterdive-xml=2
  wiki/wiktionary-jwktl-xml=1 wiki/dbpedia-mappings-xml=0.5 wiki/sweble-wikitext=2
  wiki/parsoid-parsertests=1 wiki/wikitext2-valid-test=2.5 wiki/wiki-split-tsv=1.5
  wiki/wikipedia-movie-extracts-txt=3.5
)
declare -A megabytes=([nano]=340 [small]=210 [base]=190 [large]=4000)
declare -A batch=([nano]=16KiB [small]=16KiB [base]=16KiB [large]=256KiB)

mkdir -p "$output"
for preset in ${*:-nano small base}; do
  model=$preset-${NUMBER:-1}
  [[ -e $output/$model.safetensors ]] && continue
  "$nncomp" train "$corpus" --preset "$preset" --megabytes "${MEGABYTES:-${megabytes[$preset]}}" \
    --batch "${batch[$preset]}" "${shares[@]/#/--weight=}" --validate-every 250 \
    -o "$output/$model.safetensors" --csv "$output/$model.csv" \
    --checkpoint "$output/$model.ckpt" --master "$output/$model.master.safetensors"
done
