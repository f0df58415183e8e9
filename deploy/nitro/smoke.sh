#!/bin/sh
# One command on a real Nitro instance: starts IMAGE_DIR/image.eif, serves it on loopback, makes one sealed call, and
# writes a folder of evidence that others can judge (`proofmark evidence --check FOLDER`) and that the corpus takes
# (attestations/vectors/hardware/). Nobody has run it on hardware yet.
#
#   smoke.sh IMAGE_DIR OUT_DIR
#
# IMAGE_DIR is the output of `proofmark image build --flavour nitro`. Needs: proofmark, nitro-cli, socat, jq, curl, and
# membership of the group `ne`. TEMPLATE=FILE takes what the policy says of hardware from that policy instead of the
# shipped one, as `proofmark kit --template` does. Ends with the status of the audit: 20 is evidence under another root.
set -eu

image="${1:?smoke.sh IMAGE_DIR OUT_DIR}"
out="${2:?smoke.sh IMAGE_DIR OUT_DIR}"
cid="${ENCLAVE_CID:-16}"
port="${PORT:-8791}"
device="${DEVICE:-/dev/nitro_enclaves}"
work="$(mktemp -d)"
enclave=
pids=

# shellcheck disable=SC2317 # called by the trap
end() {
  for pid in $pids; do kill "$pid" 2>/dev/null || true; done
  # They may still write into the folder that goes next.
  wait
  [ -z "$enclave" ] || nitro-cli terminate-enclave --enclave-id "$enclave" >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap end EXIT
trap 'exit 143' TERM INT

need() { command -v "$1" >/dev/null || { echo "smoke: $1 is missing" >&2; exit 1; }; }
for program in proofmark nitro-cli socat jq curl; do need "$program"; done
[ -e "$device" ] || { echo "smoke: no $device: not an instance with enclaves enabled" >&2; exit 1; }
[ ! -e "$out" ] || { echo "smoke: $out is there already" >&2; exit 1; }

# A model, a publisher, a configuration, and a policy for this image under AWS's root.
proofmark kit --measurements "$image/measurements.json" --out "$work/kit" ${TEMPLATE:+--template "$TEMPLATE"}

memory="$(jq -er '.minimumMemoryMib' "$image/measurements.json")"
started="$(nitro-cli run-enclave --eif-path "$image/image.eif" --cpu-count 2 --memory "$((memory + 2048))" --enclave-cid "$cid")"
enclave="$(printf '%s' "$started" | jq -er .EnclaveID)"

socat "UNIX-LISTEN:$work/worker.sock,fork,mode=0600" "VSOCK-CONNECT:$cid:5000" &
pids="$!"
proofmark host --link "$work/worker.sock" --state "$work/host" --listen "127.0.0.1:$port" \
  --configuration "$work/kit/configuration.cbor" --release "$work/kit/release" 2>"$work/host.log" &
pids="$pids $!"

tries=0
until curl -fsS "http://127.0.0.1:$port/v2/health/ready" >/dev/null 2>&1; do
  tries=$((tries + 1))
  [ "$tries" -lt 120 ] || { echo 'smoke: the worker did not become ready; the host said:' >&2; tail -n 5 "$work/host.log" >&2; exit 1; }
  sleep 1
done

note="$(uname -r); $(nitro-cli --version 2>/dev/null | head -1)"
proofmark evidence "http://127.0.0.1:$port" --policy "$work/kit/policy.json" --out "$out" --note "$note"
proofmark infer "http://127.0.0.1:$port" --policy "$work/kit/policy.json" --save "$out/answer.proofmark"
echo "smoke: passed. Please send $out"
