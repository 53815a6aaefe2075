#!/usr/bin/env bash
# Real ECGs (PTB-XL) with real chest X-rays (ChestX-ray14) of other people who share a finding.
# Run: benchmarks/label_matched.sh DATA OUT, where DATA holds ptb-xl/, ptb-xl-normalised/ and
# nih-cxr14/ in their published layouts. A second start goes on with what is not finished.
set -euo pipefail
data=$1 out=$2
crossbeat=${CROSSBEAT:-crossbeat}

"$crossbeat" prepare ptb-xl --out "$out/ptb-xl" \
    --root "$data/ptb-xl" --normalised "$data/ptb-xl-normalised"
"$crossbeat" prepare nih-cxr14 --out "$out/nih-cxr14" --root "$data/nih-cxr14"
"$crossbeat" prepare label-matched --out "$out/matched" \
    --ecgs "$out/ptb-xl" --xrays "$out/nih-cxr14"

# These ECGs are scaled by lead, not in mV: no view may turn the heart's axis.
findings="[hypertrophy,infarction,conduction,st_t_change]"
common=(--preset demo --cohort "$out/matched" --recipe.findings "$findings"
    --recipe.ecg.normalisation z)
runs=()
for recipe in direct crossbeat no-alignment crossbeat-shuffled distillation cromotex shuffled; do
    case $recipe in
        cromotex | shuffled) more=(--recipe.views.angle 0 --recipe.views.scale 1) ;;
        *crossbeat* | no-alignment) more=(--recipe.label_views "{angle: 0, scale: 1, mask: 0.1}") ;;
        *) more=() ;;
    esac
    for seed in 0 1 2; do
        "$crossbeat" train "$recipe" "${common[@]}" "${more[@]}" --seed "$seed" \
            --out "$out/$recipe-$seed"
        runs+=("$out/$recipe-$seed")
    done
done
"$crossbeat" evaluate "${runs[@]}" --out "$out/results.json"
