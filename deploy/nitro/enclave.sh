#!/bin/sh
# Runs one enclave and stays until it ends, so that systemd sees its end. Started by proofmark-enclave.service.
# Needs: nitro-cli, jq. Settings come from /etc/proofmark/enclave.env.
set -eu

: "${EIF:=/var/lib/proofmark/image.eif}"
: "${CPU_COUNT:=2}"
: "${MEMORY_MIB:=6144}"
: "${ENCLAVE_CID:=16}"

# shellcheck disable=SC2317 # called by the trap
end() {
  # A signal to this script ends the enclave too: nothing else would.
  [ -z "${enclave:-}" ] || nitro-cli terminate-enclave --enclave-id "$enclave" >/dev/null 2>&1 || true
}
trap end EXIT
trap 'exit 143' TERM INT

# Never with --debug-mode: its PCRs are zeros, and every policy of Proofmark refuses them.
started="$(nitro-cli run-enclave --eif-path "$EIF" --cpu-count "$CPU_COUNT" --memory "$MEMORY_MIB" --enclave-cid "$ENCLAVE_CID")"
enclave="$(printf '%s' "$started" | jq -er .EnclaveID)"
echo "enclave $enclave runs"

while nitro-cli describe-enclaves | jq -e --arg id "$enclave" 'any(.[]; .EnclaveID == $id and .State == "RUNNING")' >/dev/null; do
  sleep 2
done
echo "enclave $enclave ended; the host's worker-ends.json has its last word" >&2
enclave=
exit 1
