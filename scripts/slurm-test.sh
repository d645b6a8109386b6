#!/bin/bash
# A tiny ablation through a real Slurm: brings up a private one-node cluster, submits the study, takes the node down in
# the middle and up again, cancels and submits the rest, and compares every result with the local engine's, bit by bit.
# Installs Debian's slurm-wlm where it is missing and apt-get may be run. About 2 minutes on two cores, the build not
# counted. Without Slurm and without the right to install it: exit code 77.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v sbatch >/dev/null || [ ! -x /usr/sbin/slurmctld ] || [ ! -x /usr/sbin/munged ]; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "no Slurm here, and no right to install it: nothing was tested" >&2
        exit 77
    fi
    if ! (apt-get update -qq && apt-get install -y -qq --no-install-recommends slurm-wlm) >/dev/null 2>&1; then
        echo "Slurm cannot be installed here: nothing was tested" >&2
        exit 77
    fi
fi

cargo build --release --quiet --locked
# Where the binary lies is told by cargo itself.
hdbench=$(cargo metadata --format-version 1 --no-deps --locked | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/hdbench
work=$(mktemp -d)
lab=$work/lab
export SLURM_CONF=$lab/slurm.conf
failed=0

stop() {
    for file in slurmd.pid slurmctld.pid munge/munged.pid; do
        if [ -s "$lab/$file" ]; then
            pid=$(cat "$lab/$file")
            kill -TERM "$pid" 2>/dev/null || continue
            for _ in $(seq 100); do
                kill -0 "$pid" 2>/dev/null || break
                sleep 0.1
            done
        fi
    done
    if [ "$failed" = 0 ]; then
        rm -rf "$work"
    else
        echo "what is left: $work" >&2
    fi
}
trap 'failed=$?; stop' EXIT

start() {
    mkdir -p "$lab"/{munge,state,spool,log}
    chmod 755 "$work" "$lab"
    chmod 711 "$lab/munge"
    (umask 077 && head -c 128 /dev/urandom >"$lab/munge/munge.key")
    host=$(hostname -s)
    memory=$(($(awk '/MemTotal/ { print $2 }' /proc/meminfo) / 1024 - 512))
    cat >"$SLURM_CONF" <<CONF
ClusterName=lab
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$lab/munge/munge.socket,cred_expire=5
CryptoType=crypto/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmctldPort=16827
SlurmdPort=16828
StateSaveLocation=$lab/state
SlurmdSpoolDir=$lab/spool
SlurmctldPidFile=$lab/slurmctld.pid
SlurmdPidFile=$lab/slurmd.pid
SlurmctldLogFile=$lab/log/slurmctld.log
SlurmdLogFile=$lab/log/slurmd.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=5,bf_interval=5,batch_sched_delay=1
SlurmdTimeout=30
KillWait=10
MinJobAge=3600
MaxArraySize=3
AccountingStorageType=accounting_storage/none
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc) RealMemory=$memory State=UNKNOWN
PartitionName=lab Nodes=$host Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
CONF
    /usr/sbin/munged --socket="$lab/munge/munge.socket" --key-file="$lab/munge/munge.key" \
        --pid-file="$lab/munge/munged.pid" --log-file="$lab/munge/munged.log" --seed-file="$lab/munge/munged.seed"
    /usr/sbin/slurmctld -f "$SLURM_CONF"
    /usr/sbin/slurmd -f "$SLURM_CONF"
    for _ in $(seq 100); do
        sinfo -h -o %t 2>/dev/null | grep -qx idle && return
        sleep 0.2
    done
    echo "the cluster did not come up" >&2
    exit 1
}

study() {
    "$hdbench" ablation --data "$work/phantoms" --set iterations=150 --set encoder_iterations=60 --set encoder_cases=3 \
        --set coarse_iterations=60 --out "$@" 2>/dev/null
}

count() {
    "$hdbench" status "$work/slurm" --json | sed -n "/\"counts\"/,/}/ s/^ *\"$1\": \([0-9]*\),*$/\1/p"
}

until_done() {
    for _ in $(seq 400); do
        [ "$(squeue -h | wc -l)" = 0 ] && return
        sleep 0.5
    done
    squeue -a >&2
    echo "the queue does not empty" >&2
    exit 1
}

start
"$hdbench" datasets synth --layout lits --cases 12 --seed 3 --out "$work/phantoms" 2>/dev/null
study "$work/local" >/dev/null
echo "local: done"

study "$work/slurm" --engine slurm
# Arrays are cut to what this cluster takes: indices 0 to 2.
arrays=$(find "$work/slurm/slurm" -name '0*.sbatch' | wc -l)
[ "$arrays" = 5 ] || { echo "$arrays arrays where 5 were expected" >&2; exit 1; }
# Twice the same start submits nothing twice.
again=$(study "$work/slurm" --engine slurm)
echo "$again" | grep -q '^0 cells submitted' || { echo "submitted twice: $again" >&2; exit 1; }

for _ in $(seq 200); do
    [ "$(count running)" -ge 1 ] && [ "$(count done)" -ge 2 ] && break
    sleep 0.2
done
echo "node down with $(count running) cells running, $(count done) done"
scontrol update nodename="$(hostname -s)" state=down reason=test
sleep 2
scontrol update nodename="$(hostname -s)" state=resume 2>/dev/null || true
for _ in $(seq 300); do
    [ "$(count done)" -ge 4 ] && break
    sleep 0.2
done
echo "cancelled with $(count done) done"
"$hdbench" cancel "$work/slurm"
until_done
study "$work/slurm" --engine slurm | head -1
until_done

for folder in "$work"/local/*/fold_0/seed_0; do
    cell=${folder#"$work"/local/}
    for file in model/model.safetensors metrics_long.csv cases.csv lesions.csv; do
        [ -f "$folder/$file" ] || continue
        cmp "$folder/$file" "$work/slurm/$cell/$file"
    done
    for file in "$folder"/predictions/*.nii.gz; do
        [ -f "$file" ] || continue
        cmp "$file" "$work/slurm/$cell/predictions/$(basename "$file")"
    done
    # Everything but the seconds.
    cmp <(cut -d, -f1-4 "$folder/losses.csv") <(cut -d, -f1-4 "$work/slurm/$cell/losses.csv")
    echo "the same: $cell"
done
[ -f "$work/slurm/report/index.html" ] || { echo "the report was not rendered" >&2; exit 1; }
"$hdbench" verify "$work/slurm" >/dev/null

# An algorithm that is none of our networks, on a node that goes down: the cases that it has predicted are kept.
cat >"$work/slow.sh" <<'END'
echo "$3" >>"$(dirname "$0")/asked"
sleep 4
cp "$(dirname "$0")/phantoms/segmentation-${3#volume-}.nii.gz" "$2/$3.nii.gz"
END
cat >"$work/rows.toml" <<END
[algorithm.slow]
run = ["sh", "$work/slow.sh", "{input}", "{output}", "{case}"]
per = "case"
trained_on = "nothing"
END
rows() {
    "$hdbench" ablation --data "$work/phantoms" --no-variants --algorithms "$work/rows.toml" --out "$@" 2>/dev/null
}
rows "$work/rows" --engine slurm >/dev/null
kept=$work/rows/slow/fold_0/seed_0/predictions
for _ in $(seq 300); do
    ls "$kept"/*.nii.gz >/dev/null 2>&1 && break
    sleep 0.2
done
first=$(basename "$(ls "$kept"/*.nii.gz)" .nii.gz)
echo "node down while an algorithm runs, $first predicted"
scontrol update nodename="$(hostname -s)" state=down reason=test
sleep 2
scontrol update nodename="$(hostname -s)" state=resume 2>/dev/null || true
until_done
rows "$work/rows" --engine slurm >/dev/null
until_done
[ "$(grep -cx "$first" "$work/asked")" = 1 ] || { echo "$first was asked for again" >&2; exit 1; }
[ "$(wc -l <"$work/asked")" -gt "$(ls "$kept"/*.nii.gz | wc -l)" ] || { echo "the node went down too late" >&2; exit 1; }
mv "$work/asked" "$work/asked.slurm"
rows "$work/rows.local" >/dev/null
for file in "$kept"/*.nii.gz; do
    cmp "$file" "$work/rows.local/slow/fold_0/seed_0/predictions/$(basename "$file")"
done
cmp "$work/rows/slow/fold_0/seed_0/metrics_long.csv" "$work/rows.local/slow/fold_0/seed_0/metrics_long.csv"
"$hdbench" verify "$work/rows" >/dev/null
echo "the same: slow, $(wc -l <"$work/asked.slurm") starts for $(ls "$kept"/*.nii.gz | wc -l) cases"

# A time limit: Slurm warns, the cell saves, the job queues itself again and goes on where it was.
limited() {
    "$hdbench" ablation --data "$work/phantoms" --variant unet --set iterations=3000 --set coarse_iterations=60 \
        --checkpoint-seconds 600 --out "$@" 2>/dev/null
}
limited "$work/limited" --engine slurm --sbatch=--time=1 --sbatch=--signal=B:USR1@30 >/dev/null
limited "$work/unlimited" >/dev/null &
unlimited=$!
until_done
wait "$unlimited"
restarts=$(scontrol -o show job | grep "WorkDir=$work/limited " | grep -c 'Restarts=[1-9]' || true)
[ "$restarts" -ge 1 ] || { echo "no job met its time limit" >&2; exit 1; }
states=$("$hdbench" status "$work/limited" --json)
echo "$states" | grep -q '"state": "COMPLETED"' || { echo "status does not say how the jobs ended" >&2; exit 1; }
for file in model/model.safetensors metrics_long.csv; do
    cmp "$work/limited/unet/fold_0/seed_0/$file" "$work/unlimited/unet/fold_0/seed_0/$file"
done
echo "met the time limit and went on, $(scontrol -o show job | grep "WorkDir=$work/limited " | grep -o 'Restarts=[1-9]'): the results are the same"
echo "Slurm's results are the local ones, bit by bit"
