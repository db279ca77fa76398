#!/usr/bin/env bash
# bash run.sh OUTDIR: builds, checks and times the generated CUDA libraries of this folder on the GPU of this machine, and
# PyTorch beside them: forward passes, then steps of training. Needs nvcc and python3 with torch; no network, no Node.
# `npm run bench -- cuda --prepare DIR` makes the folder. Each part is logged and none stops the others. TORCH_SECONDS bounds each
# of PyTorch's parts (0 leaves them out). PARTS="training" leaves out forward passes, and ends within ten minutes.
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

parts=${PARTS:-forward training}
seconds=${TORCH_SECONDS:-300}
tabulate() { python3 "$here/table.py" "$out/results.jsonl" "$here/figures.json" "$out" "$here/builds" >>"$log" 2>&1; }

# Builds as many at a time as there are cores: those of a list, whose lines begin with a label, by a driver.
build() { # label, driver, flags
  local folder="$here/builds/$1" unit="$work/$1.cu"
  for file in "$folder"/*.cu; do
    case $file in */run.cu) ;; *) echo "#include \"$file\"" ;; esac
  done >"$unit"
  echo "#include \"$here/$2\"" >>"$unit"
  nvcc -std=c++17 -O3 -gencode "arch=compute_$arch,code=sm_$arch" -I"$folder" -I"$here" "-DLABEL=\"$1\"" $3 -Xptxas -v "$unit" \
    -o "$work/$1" >"$work/$1.log" 2>&1 || echo "build failed: $1: $(grep -m1 error "$work/$1.log")"
}
running=0
started() {
  running=$((running + 1))
  if [ $((running % $(nproc))) -eq 0 ]; then wait; fi
}
built() {
  wait
  grep -h "build failed" "$work"/*.log 2>/dev/null | tee -a "$log"
  for file in "$work"/*.log; do
    echo "-- $(basename "$file" .log): $(grep -c 'Used' "$file") kernels, spills: $(grep -c '[1-9][0-9]* bytes spill' "$file")" >>"$log"
    grep -m3 -i "error" "$file" >>"$log"
  done
  rm -f "$work"/*.log
}

forward() {
  note "== build for sm_$arch, $(date +%T)"
  while read -r label prefix _ _ flags; do
    build "$label" driver.cu "-DMODEL=$prefix -DHEADER=\"$prefix.h\" $flags" &
    started
  done <"$here/builds.txt"
  built

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
  tabulate

  if [ "$seconds" -gt 0 ]; then
    note "== PyTorch, $(date +%T)"
    timeout "$seconds" python3 "$here/torch_bench.py" "$here/golden" >>"$out/results.jsonl" 2>>"$log" || note "PyTorch stopped early"
    tabulate
  fi
}

training() {
  note "== training: build for sm_$arch, $(date +%T)"
  while read -r label prefix trainer _; do
    build "$label" train_driver.cu "-DMODEL=$prefix -DTRAINER=$trainer -DHEADER=\"$prefix.h\"" &
    started
  done <"$here/training.txt"
  built

  note "== training: recorded traces, $(date +%T)"
  while read -r label _ _ trace _; do
    [ -x "$work/$label" ] || { note "$label was not built"; continue; }
    [ "$trace" = "-" ] && continue
    timeout 60 "$work/$label" check "$here/golden/train/$trace.txt" >>"$out/results.jsonl" 2>>"$log" || note "$label $trace: failed"
  done <"$here/training.txt"

  note "== training: times, $(date +%T)"
  while read -r label _ _ _ times; do
    [ "$times" != "-" ] && [ -x "$work/$label" ] || continue
    timeout 60 "$work/$label" time "$here/golden/train/$label.txt" ${times//,/ } >>"$out/results.jsonl" 2>>"$log" ||
      note "$label: timing failed"
  done <"$here/training.txt"
  tabulate

  if [ "$seconds" -gt 0 ]; then
    note "== training: PyTorch, $(date +%T)"
    timeout "$seconds" python3 "$here/torch_train_bench.py" "$here/networks.json" >>"$out/results.jsonl" 2>>"$log" || note "PyTorch stopped early"
    tabulate
  fi
}

for part in $parts; do "$part"; done
note "== done, $(date +%T)"
sed "/^# Launches/q" "$out/table.md"
