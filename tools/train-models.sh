#!/usr/bin/env bash
# Trains what models/ ships: tools/train-models.sh NNCOMP CORPUS_DIR OUTPUT_DIR [nano-1|nano-2|small-1|small-2|base-2 …]
#
# CORPUS_DIR holds DOMAIN/SOURCE.dat files, at any depth, as `make corpus` writes them. May be stopped
# at any time: the same command goes on. On one CPU core nano-1 and nano-2 take two hours, small-1 three or four.
# small-2 goes on from nano-1, and base-2 from small-1, which no longer ships, for an hour each: from
# those in OUTPUT_DIR, or else from those that the package has. Both go on once more, small-2 where there is
# a GPU, base-2 for two hours and four times one more. MEGABYTES=300: a longer run.
set -euo pipefail
nncomp=$1 corpus=$2 output=$3
shift 3

# Shares of the batches. English prose leads, because most of what people keep is read by people.
first=(
  en_books=20 en_ency=15 en_docs=10 code=17 html=3 xml=2 json=3 yaml=0.7 csv=2 sql=1 logs=2.5
  multi=5 bin=0.6 wiki=2
  wiki/enwiktionary-wiktextract-xml=3 wiki/smallwiki-dumpsterdive-xml=2
  wiki/wiktionary-jwktl-xml=1 wiki/dbpedia-mappings-xml=0.5 wiki/sweble-wikitext=2
  wiki/parsoid-parsertests=1 wiki/wikitext2-valid-test=2.5 wiki/wiki-split-tsv=1.5
  wiki/wikipedia-movie-extracts-txt=3.5
)
second=(
  en_books=18 en_ency=14 en_docs=10 wiki=14 multi=11 code=16 html=3 xml=2 json=3 yaml=0.7 csv=2
  sql=1 logs=3 bin=0.6
)

# train MODEL MEGABYTES OPTION…: unless it is there
train() {
  local model=$1 megabytes=${MEGABYTES:-$2} preset
  preset=$(cut -d- -f1,2 <<< "$model") # of base-2-second, base-2
  shift 2
  [[ -e $output/$model.safetensors ]] && return
  "$nncomp" train "$corpus" -o "$output/$model.safetensors" --preset "${preset%-1}" \
    --megabytes "$megabytes" --csv "$output/$model.csv" --checkpoint "$output/$model.ckpt" \
    --master "$output/$model.master.safetensors" "$@"
}

from_nothing() { train "$@" --batch 16KiB "${first[@]/#/--weight=}" --validate-every 250; }

# going_on MODEL MEGABYTES FROM OPTION…: beside the adaptive stage, at a third of the usual rate
going_on() {
  local model=$1 megabytes=$2 from=$3
  shift 3
  [[ -e $output/$from.safetensors ]] && from=$output/$from.safetensors
  train "$model" "$megabytes" --init "$from" "${second[@]/#/--weight=}" --stage "$output/stage" \
    --stage-share 0.2 --mixed-from 0.2 --weight-bits tables=5 --quantise-at 0.72 --rate 0.35 \
    --warmup 0.03 --decay 0.97 -T 1 "$@"
}

# Seven minutes on a GPU; on a CPU core half a day.
large=(
  --batch 64KiB --part 64KiB --rate 0.8 --warmup 0.02 --decay 0.98 --mixed 0.7 --mixed-from 0.03
  --stage-share 1
)

last=(
  --batch 32KiB --part 16KiB --rate 0.5 --warmup 0.02 --mixed 0.7 --mixed-from 0.02 --quantise-at 0.75
  --stage-share 1 --length 0.85:512 --length 1:1024
)

mkdir -p "$output"
for model in ${*:-nano-1 nano-2 small-1 small-2 base-2}; do
  case $model in
    nano-1) from_nothing nano-1 340 ;;
    nano-2)
      train nano-2 700 --batch 16KiB --part 16KiB "${second[@]/#/--weight=}" --stage "$output/stage" \
        --mixed-from 0.1 --mixed 0.7 --weight-bits tables=5 --quantise-at 0.8 --decay 0.95 --length 1:512 \
        --coarse 1.5 --validation 0.005 --validate-every 2000 -T 1
      ;;
    small-1) from_nothing small-1 210 ;;
    small-2)
      going_on small-2-first 64 nano-1 --length 1:512
      going_on small-2 650 small-2-first --length 1:512 --coarse 2.7 "${large[@]}"
      ;;
    base-2)
      going_on base-2-first 43 small-1 --length 0.8:512 --length 1:1024
      going_on base-2-second 120 base-2-first "${last[@]}"
      going_on base-2-third 100 base-2-second "${last[@]}"
      going_on base-2-fourth 145 base-2-third --coarse 40 "${last[@]}"
      going_on base-2-fifth 112 base-2-fourth --seed 28 --coarse 40 "${last[@]}"
      going_on base-2 170 base-2-fifth --seed 30 --coarse 40 "${last[@]}" --stage-share 0.42
      ;;
    *) echo "$0: $model is not one of the models" >&2 && exit 2 ;;
  esac
done
