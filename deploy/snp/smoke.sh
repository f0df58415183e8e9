#!/bin/sh
# One command on a real SEV-SNP host: boots IMAGE_DIR, serves it on loopback, makes one sealed call, and writes a folder of
# evidence that others can judge (`proofmark evidence --check FOLDER`) and that the corpus takes
# (attestations/vectors/hardware/). Nobody has run it on hardware yet.
#
#   OVMF=/path/OVMF.amdsev.fd smoke.sh IMAGE_DIR CERTIFICATES_DIR OUT_DIR
#
# IMAGE_DIR is the output of `proofmark image build --flavour snp`, CERTIFICATES_DIR was filled by certificates.sh. Needs:
# proofmark, QEMU >= 9.1, curl. TEMPLATE=FILE takes what the policy says of hardware from that policy instead of the
# shipped one, as `proofmark kit --template` does. Ends with the status of the audit: 20 is evidence under another root.
set -eu

here="$(dirname "$0")"
image="${1:?smoke.sh IMAGE_DIR CERTIFICATES_DIR OUT_DIR}"
certificates="${2:?smoke.sh IMAGE_DIR CERTIFICATES_DIR OUT_DIR}"
out="${3:?smoke.sh IMAGE_DIR CERTIFICATES_DIR OUT_DIR}"
: "${OVMF:?OVMF=FILE, the firmware that is measured}"
: "${VCPUS:=2}"
: "${VCPU_TYPE:=EPYC-v4}"
port="${PORT:-8791}"
work="$(mktemp -d)"
pids=

# shellcheck disable=SC2317 # called by the trap
end() {
  for pid in $pids; do kill "$pid" 2>/dev/null || true; done
  # They may still write into the folder that goes next.
  wait
  rm -rf "$work"
}
trap end EXIT
trap 'exit 143' TERM INT

need() { command -v "$1" >/dev/null || { echo "smoke: $1 is missing" >&2; exit 1; }; }
for program in proofmark qemu-system-x86_64 curl; do need "$program"; done
[ ! -e "$out" ] || { echo "smoke: $out is there already" >&2; exit 1; }

# What the processor will measure, computed before it does.
proofmark image measure --snp --ovmf "$OVMF" --kernel "$image/kernel" --initrd "$image/initrd" \
  --append "$(cat "$image/cmdline")" --vcpus "$VCPUS" --vcpu-type "$VCPU_TYPE" --json >"$work/measurement.json"
proofmark kit --measurements "$work/measurement.json" --out "$work/kit" ${TEMPLATE:+--template "$TEMPLATE"}

IMAGE="$image" OVMF="$OVMF" VCPUS="$VCPUS" VCPU_TYPE="$VCPU_TYPE" LINK="$work/worker.sock" "$here/launch.sh" >"$work/vm.log" 2>&1 &
pids="$!"
proofmark host --link "$work/worker.sock" --state "$work/host" --listen "127.0.0.1:$port" --certificates "$certificates" \
  --configuration "$work/kit/configuration.cbor" --release "$work/kit/release" 2>"$work/host.log" &
pids="$pids $!"

tries=0
until curl -fsS "http://127.0.0.1:$port/v2/health/ready" >/dev/null 2>&1; do
  tries=$((tries + 1))
  [ "$tries" -lt 120 ] || { echo 'smoke: the worker did not become ready; host and machine said:' >&2; tail -n 5 "$work/host.log" "$work/vm.log" >&2; exit 1; }
  sleep 1
done

proofmark evidence "http://127.0.0.1:$port" --policy "$work/kit/policy.json" --out "$out" --note "$(uname -r)"
proofmark infer "http://127.0.0.1:$port" --policy "$work/kit/policy.json" --save "$out/answer.proofmark"
echo "smoke: passed. Please send $out"
