#!/usr/bin/env bash
# bash run.sh OUTDIR: builds, checks and times the generated CUDA libraries of this folder on the GPU of this machine, and
# PyTorch beside them. Needs nvcc and python3 with torch; no network, no Node. `npm run bench -- cuda --prepare DIR` makes
# the folder. Each part is logged and none stops the others. TORCH_SECONDS bounds PyTorch's part (0 leaves it out).
set -u
here=$(cd "$(dirname "$0")" && pwd)
out=$(mkdir -p "${1:?usage: run.sh OUTDIR}" && cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
log="$out/log.txt"
: >"$log"
: >"$out/results.jsonl"
note() { echo "$*" | tee -a "$log"; }

note "== machine"
nvidia-smi --query-gpu=name,compute_cap,driver_version,memory.total,clocks.sm --format=csv,noheader 2>&1 | tee -a "$log"
nvcc --version 2>&1 | tail -2 >>"$log"
capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -1 | tr -d .)
arch=${capability:-90}

note "== build for sm_$arch, $(date +%T)"
build() { # label, prefix, flags
  local folder="$here/builds/$1" unit="$work/$1.cu"
  for file in "$folder"/*.cu; do
    case $file in */run.cu) ;; *) echo "#include \"$file\"" ;; esac
  done >"$unit"
  echo "#include \"$here/driver.cu\"" >>"$unit"
  nvcc -std=c++17 -O3 -gencode "arch=compute_$arch,code=sm_$arch" -I"$folder" -DMODEL="$2" -DHEADER="\"$2.h\"" \
    -DLABEL="\"$1\"" $3 -Xptxas -v "$unit" -o "$work/$1" >"$work/$1.log" 2>&1 || echo "build failed: $1: $(grep -m1 error "$work/$1.log")"
}
running=0
while read -r label prefix _ _ flags; do
  build "$label" "$prefix" "$flags" &
  running=$((running + 1))
  if [ $((running % $(nproc))) -eq 0 ]; then wait; fi
done <"$here/builds.txt"
wait
grep -h "build failed" "$work"/*.log 2>/dev/null | tee -a "$log"
for file in "$work"/*.log; do
  echo "-- $(basename "$file" .log): $(grep -c 'Used' "$file") kernels, spills: $(grep -c '[1-9][0-9]* bytes spill' "$file")" >>"$log"
  grep -m3 -i "error" "$file" >>"$log"
done

note "== golden files, $(date +%T)"
while read -r label _ goldens _; do
  [ -x "$work/$label" ] || { note "$label was not built"; continue; }
  for golden in ${goldens//,/ }; do
    timeout 60 "$work/$label" check "$here/golden/$golden.txt" >>"$out/results.jsonl" 2>>"$log" || note "$label $golden: failed"
  done
done <"$here/builds.txt"

note "== times, $(date +%T)"
while read -r label _ goldens times _; do
  [ "$times" != "-" ] && [ -x "$work/$label" ] || continue
  timeout 60 "$work/$label" time "$here/golden/${goldens%%,*}.txt" "$here/builds/$label/launches.txt" ${times//,/ } \
    >>"$out/results.jsonl" 2>>"$log" || note "$label: timing failed"
done <"$here/builds.txt"
python3 "$here/table.py" "$out/results.jsonl" "$here/figures.json" "$out" >>"$log" 2>&1

seconds=${TORCH_SECONDS:-300}
if [ "$seconds" -gt 0 ]; then
  note "== PyTorch, $(date +%T)"
  timeout "$seconds" python3 "$here/torch_bench.py" "$here/golden" >>"$out/results.jsonl" 2>>"$log" || note "PyTorch stopped early"
  python3 "$here/table.py" "$out/results.jsonl" "$here/figures.json" "$out" >>"$log" 2>&1
fi
note "== done, $(date +%T)"
sed "/^# Launches/q" "$out/table.md"
