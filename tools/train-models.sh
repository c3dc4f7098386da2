#!/usr/bin/env bash
# Trains what models/ ships: tools/train-models.sh NNCOMP CORPUS_DIR OUTPUT_DIR [nano|small …]
#
# CORPUS_DIR holds DOMAIN/SOURCE.dat files, at any depth. Resumes from OUTPUT_DIR/*.ckpt; on two CPU
# cores nano-1 takes half an hour and small-1 an hour and a half.
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
declare -A megabytes=([nano]=26 [small]=54)

mkdir -p "$output"
for preset in "${@:-nano small}"; do
  for p in $preset; do
    "$nncomp" train "$corpus" --preset "$p" --megabytes "${megabytes[$p]}" \
      "${shares[@]/#/--weight=}" -o "$output/$p-1.safetensors" \
      --checkpoint "$output/$p.ckpt" --master "$output/$p-1.master.safetensors"
  done
done
